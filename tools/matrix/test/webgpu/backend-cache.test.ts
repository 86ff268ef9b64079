/** Caches of keys and values on `@attnkit/webgpu`: bytes moved by a decode step, and states as values. */
import { backends } from "@attnkit/catalog";
import { attention, type State } from "@attnkit/core";
import { type Meter, meter } from "@attnkit/measure/gpu-meter";
import { polynomial } from "@attnkit/polynomial/webgpu";
import { softmax } from "@attnkit/softmax/webgpu";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { beforeAll, describe, expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 120_000 });

let device: GPUDevice;
let used: Meter;

beforeAll(async () => {
  device = ((await backends.find((b) => b.name === "webgpu")!.create()) as WebgpuBackend).gpuDevice;
  used = meter(device);
});

const [B, Hq, Hkv, d, dv] = [2, 4, 2, 8, 6];
/** The bytes of k and v of one token. */
const TOKEN = 4 * B * Hkv * (d + dv);

const numbers = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 0.7 * i));

/** Tokens `from..from + n - 1` of a sequence that is the same for everyone. `line` tells sequences apart. */
function tokens(backend: WebgpuBackend, from: number, n: number, line = 0) {
  const tensor = (heads: number, width: number, kind: number) => {
    const data = new Float32Array(B * heads * n * width);
    for (let row = 0; row < B * heads; row++)
      for (let t = 0; t < n; t++)
        data.set(numbers(width, 13 * row + 3 * (from + t) + 100 * kind + 1000 * line), (row * n + t) * width);
    return backend.upload(data, [B, heads, n, width]);
  };
  return { q: tensor(Hq, d, 0), k: tensor(Hkv, d, 1), v: tensor(Hkv, dv, 2) };
}

const free = (backend: WebgpuBackend, ...records: readonly Readonly<Record<string, GpuTensor>>[]) => {
  for (const record of records) for (const x of Object.values(record)) backend.free(x);
};
const held = (backend: WebgpuBackend) => backend.memory().bytes - backend.memory().idleBytes;

const mechanisms = {
  softmax: () => softmax(),
  polynomial: () => polynomial({ power: 3, form: "quadratic" }),
};
const names = ["softmax", "polynomial"] as const;

/** The counts of one step. */
const counts = ({ dispatches, submits, copiedBytes }: Meter) => ({ dispatches, submits, copiedBytes });

describe.each(names)("a decode step of %s", (name) => {
  const started = async (options: object, prompt: number) => {
    const backend = webgpu({ device, ...options });
    const attend = attention(mechanisms[name](), backend, { causal: true, kernels: "require" });
    const block = tokens(backend, 0, prompt);
    const first = await attend(block);
    free(backend, block, { y: first.y });
    return { backend, attend, state: first.state };
  };

  test("writes one token's k and v, in one dispatch and one submit, up to the capacity", async () => {
    const { backend, attend, ...first } = await started({ cacheCapacity: 40 }, 3);
    let { state } = first;
    const steps = [];
    for (let t = 3; t < 40; t++) {
      const block = tokens(backend, t, 1);
      used.reset();
      const next = await attend({ ...block, state });
      steps.push({ ...counts(used), writtenBytes: used.writtenBytes });
      free(backend, block, { y: next.y }, state);
      state = next.state;
    }
    // The first step moves the prompt into the cache.
    for (const step of steps.slice(1)) {
      expect(step).toMatchObject({ dispatches: 1, submits: 1, copiedBytes: TOKEN });
      expect(step.writtenBytes).toBeLessThanOrEqual(256); // the parameters of the dispatch
    }
    const whole = tokens(backend, 0, 40);
    expect(await backend.download(state.k!)).toEqual(await backend.download(whole.k));
    expect(await backend.download(state.v!)).toEqual(await backend.download(whole.v));
    backend.dispose();
  });

  test("copies the cache as often as it doubles, without a capacity", async () => {
    const { backend, attend, ...first } = await started({}, 1);
    let { state } = first;
    const copied: number[] = [];
    for (let t = 1; t <= 200; t++) {
      const block = tokens(backend, t, 1);
      used.reset();
      const next = await attend({ ...block, state });
      copied.push(used.copiedBytes);
      free(backend, block, { y: next.y }, state);
      state = next.state;
    }
    const growing = copied.filter((bytes) => bytes !== TOKEN);
    expect(growing.length).toBeLessThanOrEqual(Math.ceil(Math.log2(200)));
    expect(copied.reduce((a, b) => a + b)).toBeLessThanOrEqual(3 * 200 * TOKEN);
    const whole = tokens(backend, 0, 201);
    expect(await backend.download(state.k!)).toEqual(await backend.download(whole.k));
    const { y } = await attention(mechanisms[name](), backend, { causal: true, kernels: "never" })(whole);
    const last = await attend({ ...tokens(backend, 201, 1), state });
    expect(last.y.shape).toEqual([B, Hq, 1, dv]);
    expect(y.shape).toEqual([B, Hq, 201, dv]);
    backend.dispose();
  });

  test("takes at most two dispatches after a long prompt, and with a key mask in the state", async () => {
    const backend = webgpu({ device });
    const attend = attention(mechanisms[name](), backend, { causal: true, kernels: "require" });
    const keyMask = backend.upload(
      Uint8Array.from({ length: B * 600 }, (_, i) => +(i % 5 > 0)),
      [B, 600],
    );
    let { state } = await attend({ ...tokens(backend, 0, 600), keyMask });
    for (let t = 600; t < 603; t++) {
      used.reset();
      state = (await attend({ ...tokens(backend, t, 1), state })).state;
      if (t === 600) continue; // the prompt moves into the cache
      expect(counts(used)).toEqual({ dispatches: name === "softmax" ? 2 : 1, submits: 1, copiedBytes: TOKEN + 4 * B });
    }
    const keep = await backend.download(state.keep!);
    const expected = Float32Array.from(
      { length: B * 603 },
      (_, i) => +(i % 603 >= 600 || (600 * Math.floor(i / 603) + (i % 603)) % 5 > 0),
    );
    expect(keep).toEqual(expected);
    // A token with a key mask of its own is written by a dispatch.
    const own = backend.upload(Uint8Array.of(1, 0), [B, 1]);
    used.reset();
    await attend({ ...tokens(backend, 603, 1), keyMask: own, state });
    expect(counts(used)).toEqual({ dispatches: name === "softmax" ? 3 : 2, submits: 1, copiedBytes: 0 });
    backend.dispose();
  });

  test("agrees with the program, with blocks of several tokens and key masks between", async () => {
    const backend = webgpu({ device });
    const run = async (kernels: "require" | "never") => {
      const attend = attention(mechanisms[name](), backend, { causal: true, kernels });
      let state: State<GpuTensor> | undefined;
      const out: number[][] = [];
      let at = 0;
      for (const [i, n] of [3, 1, 4, 1, 1, 2, 1].entries()) {
        const mask = Uint8Array.from({ length: B * n }, (_, j) => +((i + j) % 3 > 0));
        const block = { ...tokens(backend, at, n), ...(i > 2 && i !== 4 && { keyMask: backend.upload(mask, [B, n]) }) };
        const next = await attend({ ...block, ...(state && { state }) });
        state = next.state;
        at += n;
        out.push([...(await backend.download(next.y))]);
      }
      for (const x of Object.values(state!)) out.push([...(await backend.download(x))]);
      return out;
    };
    const [fast, slow] = [await run("require"), await run("never")];
    expect(fast.length).toBe(10);
    fast.forEach((row, i) => {
      expect(row.length).toBe(slow[i]!.length);
      row.forEach((x, j) => {
        expect(x).toBeCloseTo(slow[i]![j]!, 4);
      });
    });
    backend.dispose();
  });
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

test("10 000 decode steps use O(log) buffers, and the last row is right", async () => {
  const backend = webgpu({ device });
  const reach = 40;
  const attend = attention(softmax({ window: [reach, 0] }), backend, { causal: true, kernels: "require" });
  const kinds = 7; // tokens that repeat
  const width = 4;
  const rows = Array.from({ length: kinds }, (_, i) => numbers(width, i));
  const uploaded = rows.map((row) => backend.upload(row, [1, width]));
  const at = (t: number) => ({ q: uploaded[t % kinds]!, k: uploaded[(t + 1) % kinds]!, v: uploaded[(t + 2) % kinds]! });
  const steps = 10_000;
  let { state, y } = await attend(at(0));
  used.reset();
  for (let t = 1; t <= steps; t++) {
    const next = backend.tidy(() => attend.sync({ ...at(t), state }));
    free(backend, { y }, state);
    ({ state, y } = next);
  }
  expect(used.submits).toBe(steps);
  // One token of k and v per step. The copies to larger buffers, each of twice the length, are together less than two more.
  expect(used.copiedBytes).toBeLessThan(3 * steps * 8 * width);
  // Uploads, parameters, rows and states, and for k and v a buffer for each power of two.
  expect(backend.memory().buffers).toBeLessThanOrEqual(kinds + 8 + 2 * Math.ceil(Math.log2(steps)));
  expect(held(backend)).toBeLessThan(2 * steps * 8 * width + 70_000);
  const seen = Array.from({ length: reach + 1 }, (_, i) => steps - i);
  const q = rows[steps % kinds]!;
  const weights = seen.map((t) => {
    const k = rows[(t + 1) % kinds]!;
    return Math.exp(q.reduce((sum, x, c) => sum + x * k[c]!, 0) / Math.sqrt(width));
  });
  const total = weights.reduce((a, b) => a + b);
  const got = await backend.download(y);
  for (let c = 0; c < width; c++) {
    const expected = weights.reduce((sum, w, i) => sum + w * rows[(seen[i]! + 2) % kinds]![c]!, 0) / total;
    expect(got[c]).toBeCloseTo(expected, 5);
  }
  backend.dispose();
});
