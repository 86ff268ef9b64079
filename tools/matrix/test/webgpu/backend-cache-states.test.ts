/** States on `@attnkit/webgpu` that share a cache: forks, rollbacks, merges, and everything else that a value can do. */
import { backends } from "@attnkit/catalog";
import { attention, type State } from "@attnkit/core";
import { type Meter, meter } from "@attnkit/measure/gpu-meter";
import { softmax } from "@attnkit/softmax/webgpu";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { B, d, free, Hkv, held, TOKEN, tokens } from "./cache-tokens.ts";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 120_000 });

let device: GPUDevice;
let used: Meter;

beforeAll(async () => {
  device = ((await backends.find((b) => b.name === "webgpu")!.create()) as WebgpuBackend).gpuDevice;
  used = meter(device);
});

describe("a state is a value", () => {
  const started = async (prompt = 5) => {
    const backend = webgpu({ device, cacheCapacity: 64 });
    const attend = attention(softmax(), backend, { causal: true, kernels: "require" });
    const block = tokens(backend, 0, prompt);
    const step = async (state: State<GpuTensor>, t: number, line = 0) => {
      const own = tokens(backend, t, 1, line);
      const next = await attend({ ...own, state });
      free(backend, own, { y: next.y });
      return next.state;
    };
    const first = await attend(block);
    free(backend, block, { y: first.y });
    return { backend, attend, step, state: first.state };
  };
  /** The keys of the sequence that takes its tokens from these lines. */
  const keysOf = async (backend: WebgpuBackend, lines: readonly number[]) => {
    const keys = backend.tidy(() => {
      const parts = lines.map((line, t) => tokens(backend, t, 1, line).k);
      return backend.ops.concat(parts, 2);
    });
    const data = await backend.download(keys);
    backend.free(keys);
    return data;
  };
  const line = (n: number, ...ends: number[]) => [...Array<number>(n).fill(0), ...ends];

  test("both forks see their own tokens, and so does the state before them", async () => {
    const { backend, step, state } = await started();
    const trunk = await step(state, 5);
    const a = await step(trunk, 6, 1);
    used.reset();
    const b = await step(trunk, 6, 2);
    expect(used.copiedBytes).toBe(7 * TOKEN); // the fork copies the six tokens that both see
    expect(b.k!.buffer).not.toBe(a.k!.buffer);
    expect(a.k!.buffer).toBe(trunk.k!.buffer);
    const [longA, longB] = [await step(a, 7, 1), await step(b, 7, 2)];
    const expected: readonly [State<GpuTensor>, number[]][] = [
      [state, line(5)],
      [trunk, line(6)],
      [a, line(6, 1)],
      [b, line(6, 2)],
      [longA, line(6, 1, 1)],
      [longB, line(6, 2, 2)],
    ];
    for (const [s, lines] of expected)
      expect(await backend.download(s.k!), lines.join()).toEqual(await keysOf(backend, lines));
    backend.dispose();
  });

  test("a rollback to an earlier state leaves the later ones as they are, and is in place once they are freed", async () => {
    const { backend, step, state } = await started();
    const states = [state];
    for (let t = 5; t < 12; t++) states.push(await step(states.at(-1)!, t));
    const back = await step(states[3]!, 8, 1);
    expect(await backend.download(states.at(-1)!.k!)).toEqual(await keysOf(backend, line(12)));
    expect(await backend.download(back.k!)).toEqual(await keysOf(backend, line(8, 1)));
    free(backend, ...states.slice(4));
    used.reset();
    const again = await step(states[3]!, 8, 2);
    expect(used.copiedBytes).toBe(TOKEN);
    expect(again.k!.buffer).toBe(states[3]!.k!.buffer);
    expect(await backend.download(again.k!)).toEqual(await keysOf(backend, line(8, 2)));
    expect(await backend.download(back.k!)).toEqual(await keysOf(backend, line(8, 1)));
    backend.dispose();
  });

  test("a call that keeps no state writes nothing that a later one misses", async () => {
    const { backend, step, state } = await started();
    const trunk = await step(state, 5);
    const peek = attention(softmax(), backend, { causal: true, kernels: "require", state: false });
    await peek({ ...tokens(backend, 6, 1, 3), state: trunk });
    used.reset();
    const next = await step(trunk, 6);
    expect(used.copiedBytes).toBe(TOKEN);
    expect(await backend.download(next.k!)).toEqual(await keysOf(backend, line(7)));
    backend.dispose();
  });

  test("states that were appended to can be merged, and the merged one can be appended to", async () => {
    const { backend, attend, step, state } = await started();
    const a = await step(state, 5);
    const b = await step(a, 6, 1);
    const merged = await attend.merge(a, b);
    const whole = [...line(6), ...line(6, 1)];
    const parts = [await keysOf(backend, line(6)), await keysOf(backend, line(6, 1))];
    const joined = backend.tidy(() =>
      backend.ops.concat(
        parts.map((x) => backend.upload(x, [B, Hkv, x.length / (B * Hkv * d), d])),
        2,
      ),
    );
    expect(merged.k!.shape).toEqual([B, Hkv, whole.length, d]);
    expect(await backend.download(merged.k!)).toEqual(await backend.download(joined));
    const next = await step(await step(merged, 13), 14);
    expect(next.k!.shape).toEqual([B, Hkv, whole.length + 2, d]);
    expect((await backend.download(backend.ops.slice(next.k!, 2, 0, 13))).length).toBe(B * Hkv * 13 * d);
    expect(await backend.download(backend.ops.slice(next.k!, 2, 0, 13))).toEqual(await backend.download(joined));
    backend.dispose();
  });

  test.each([["oldest first"], ["newest first"], ["every second"]])("freed %s, nothing is left", async (order) => {
    const { backend, step, state } = await started();
    const before = held(backend);
    const own = [state.k!.buffer, state.v!.buffer];
    const states = [];
    let last = state;
    for (let t = 5; t < 15; t++) {
      last = await step(last, t);
      states.push(last, await step(last, t + 1, 1)); // and a fork
    }
    expect(held(backend)).toBeGreaterThan(before);
    if (order === "newest first") states.reverse();
    const first = order === "every second" ? states.filter((_, i) => i % 2 > 0) : states;
    free(backend, ...first);
    if (first !== states) expect(await backend.download(last.k!)).toEqual(await keysOf(backend, line(15)));
    free(backend, ...states, state); // those that are freed already are left alone
    expect(held(backend)).toBe(before - own.reduce((bytes, { size }) => bytes + size, 0));
    backend.dispose();
  });

  test("every operation sees it row-major", async () => {
    const { backend, step, state } = await started();
    const { k, v } = await step(state, 5);
    const whole = tokens(backend, 0, 6);
    const { ops } = backend;
    expect(k!.strides).toEqual([d * Hkv, d, d * Hkv * B, 1]);
    const acts: Record<string, (k: GpuTensor, v: GpuTensor) => GpuTensor> = {
      add: (k) => ops.add(k, 1),
      twice: (k) => ops.mul(k, k),
      two: (k) => ops.add(k, ops.exp(k)),
      matmul: (k, v) => ops.matmul(ops.transpose(k, [0, 1, 3, 2]), v),
      reshape: (k) => ops.reshape(k, [B, Hkv * 6, d]),
      slice: (_, v) => ops.slice(v, 3, 1, 4),
      concat: (k, v) => ops.concat([k, v], 3),
      sum: (k) => ops.sum(k, 2),
      take: (k) => ops.take(k, 2, [5, 0, 0]),
      where: (k) => ops.where(k, k, 2),
    };
    for (const [name, act] of Object.entries(acts)) {
      const [x, y] = [backend.tidy(() => act(k!, v!)), backend.tidy(() => act(whole.k, whole.v))];
      expect(x.strides, name).toBeUndefined();
      expect(await backend.download(x), name).toEqual(await backend.download(y));
    }
    backend.dispose();
  });

  test("it can be used by the program, as q and k, and by every call in debug mode", async () => {
    const backend = webgpu({ device, debug: true });
    const how = { causal: true } as const;
    const fast = attention(softmax(), backend, { ...how, kernels: "require" });
    const slow = attention(softmax(), backend, { ...how, kernels: "never" });
    const { state } = await fast(tokens(backend, 0, 5));
    const next = (await fast({ ...tokens(backend, 5, 1), state })).state;
    const own = tokens(backend, 6, 1);
    const [a, b] = [await fast({ ...own, state: next }), await slow({ ...own, state: next })];
    const [x, y] = [await backend.download(a.y), await backend.download(b.y)];
    x.forEach((value, i) => {
      expect(value).toBeCloseTo(y[i]!, 5);
    });
    const itself = { q: next.k!, k: next.k!, v: next.v!, state: next };
    const [c, e] = [await fast(itself), await slow(itself)];
    expect(await backend.download(c.state.k!)).toEqual(await backend.download(e.state.k!));
    const wrapped = backend.wrap(next.k!.buffer, [B, Hkv, 1, d]);
    const f = await fast({ ...own, k: wrapped, state: next });
    const g = await slow({ ...own, k: wrapped, state: next });
    expect(await backend.download(f.state.k!)).toEqual(await backend.download(g.state.k!));
    backend.dispose();
  });

  test("tokens in buffers that commands cannot copy are written by a dispatch", async () => {
    const { backend, attend, step, state } = await started();
    const trunk = await step(state, 5);
    const own = tokens(backend, 6, 1);
    const buffer = device.createBuffer({ size: 4 * B * Hkv * d, usage: 0x80 | 0x08 }); // STORAGE | COPY_DST
    device.queue.writeBuffer(buffer, 0, await backend.download(own.k));
    const next = (await attend({ ...own, k: backend.wrap(buffer, [B, Hkv, 1, d]), state: trunk })).state;
    expect(next.k!.buffer).toBe(trunk.k!.buffer);
    expect(await backend.download(next.k!)).toEqual(await keysOf(backend, line(7)));
    buffer.destroy();
    backend.dispose();
  });
});
