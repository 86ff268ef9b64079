/** Submits, buffers and bytes of `@attnkit/webgpu`. */
import { backends, creator, mechanisms } from "@attnkit/catalog";
import { attention, type State } from "@attnkit/core";
import { type Meter, meter } from "@attnkit/measure/gpu-meter";
import type { GpuTensor, WebgpuBackend } from "@attnkit/webgpu";
import { beforeAll, describe, expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 60_000 });

const entry = backends.find((b) => b.name === "webgpu")!;
let backend: WebgpuBackend;
let used: Meter;

beforeAll(async () => {
  backend = (await entry.create()) as WebgpuBackend;
  used = meter(backend.gpuDevice);
});

const tensor = (shape: readonly number[]): GpuTensor =>
  backend.upload(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
    shape,
  );
const tokens = (n: number) => ({ q: tensor([1, 2, n, 8]), k: tensor([1, 2, n, 8]), v: tensor([1, 2, n, 8]) });
const free = (...records: Readonly<Record<string, GpuTensor>>[]) => {
  for (const record of records) for (const x of Object.values(record)) backend.free(x);
};
/** The bytes that tensors hold. */
const held = () => backend.memory().bytes - backend.memory().idleBytes;

const cases = mechanisms.flatMap((about) =>
  (["never", "prefer"] as const).map((kernels) => ({ name: about.name, about, kernels })),
);

describe.each(cases)("$name, kernels: $kernels", ({ about, kernels }) => {
  const made = async () => {
    const create = await creator(about, entry);
    return attention(create(about.variants[0]), backend, { causal: true, kernels });
  };

  test("a call is submitted once, and so is a merge", async () => {
    const attend = await made();
    const block = tokens(20);
    const first = await attend(block);
    used.reset();
    const second = await attend({ ...block, state: first.state });
    expect(used.submits).toBe(1);
    expect(used.dispatches).toBeGreaterThan(0);
    used.reset();
    const merged = await attend.merge(first.state, second.state);
    expect(used.submits).toBeLessThanOrEqual(1);
    free({ y: first.y }, { y: second.y }, first.state, second.state, merged, block);
  });

  test("100 calls leave what they return, and freeing that leaves nothing", async () => {
    const attend = await made();
    const block = tokens(5);
    const call = async () => {
      const { y, state } = await attend(block);
      free({ y }, state);
    };
    await call();
    const before = held();
    for (let i = 0; i < 100; i++) await call();
    expect(held()).toBe(before);
    free(block);
  });
});

test("1000 decode steps of linear use the same buffers", async () => {
  const create = await creator(mechanisms.find(({ name }) => name === "linear")!, entry);
  const attend = attention(create(), backend, { causal: true });
  const block = tokens(1);
  let state: State<GpuTensor> = (await attend(block)).state;
  const step = async () => {
    const next = await attend({ ...block, state });
    free({ y: next.y }, state);
    state = next.state;
  };
  for (let i = 0; i < 3; i++) await step();
  const before = backend.memory();
  const bytes = used.bytes;
  used.reset();
  for (let i = 0; i < 1000; i++) await step();
  expect(backend.memory()).toEqual(before);
  expect(used.peakBytes).toBe(bytes);
  expect(used.submits).toBe(1000);
  expect((await backend.download(state[Object.keys(state)[0]!]!)).every(Number.isFinite)).toBe(true);
  free(block, state);
});

test("a gradient is submitted once, and leaves only itself", async () => {
  const x = { a: tensor([4, 8]), b: tensor([8, 4]) };
  const seed = tensor([4, 4]);
  const gradient = () => backend.vjp((o, { a, b }) => ({ y: o.tanh(o.matmul(a!, b!)) }), x, { y: seed }, ["a", "b"]);
  free(await gradient());
  const before = held();
  used.reset();
  const made = await gradient();
  expect(used.submits).toBe(1);
  free(made);
  expect(held()).toBe(before);
  free(x, { seed });
});

describe("synchronous use", () => {
  const attendOn = () => attention(mechanisms.find(({ name }) => name === "linear")!.create(), backend);

  test("in tidy nothing is left and everything is submitted at its end", async () => {
    const attend = attendOn();
    const block = tokens(4);
    const expected = await attend(block);
    free(expected.state);
    const before = held();
    used.reset();
    const y = backend.tidy(() => attend.sync(block).y);
    expect(used.submits).toBe(1);
    backend.free(y);
    expect(held()).toBe(before);
    const again = backend.tidy(() => attend.sync(block).y);
    expect(await backend.download(again)).toEqual(await backend.download(expected.y));
    free({ again, y: expected.y }, block);
  });

  test("outside of tidy it is submitted at the end of the task, or by flush", async () => {
    const x = tensor([8]);
    used.reset();
    const [a, b] = [backend.ops.exp(x), backend.ops.mul(x, 2)];
    expect(used.submits).toBe(0);
    await Promise.resolve();
    expect(used.submits).toBe(1);
    const c = backend.ops.mul(x, 3);
    backend.flush();
    expect(used.submits).toBe(2);
    await Promise.resolve();
    expect(used.submits).toBe(2);
    free({ x, a, b, c });
  });

  test("an error in tidy frees what was made", () => {
    const before = held();
    const act = () =>
      backend.tidy(() => {
        backend.ops.add(tensor([3]), tensor([3]));
        throw new Error("mine");
      });
    expect(act).toThrow("mine");
    expect(held()).toBe(before);
  });
});

test("an upload never overtakes encoded operations that read the buffer", async () => {
  const { ops } = backend;
  const values = (x: number) => backend.upload(new Float32Array(1000).fill(x), [1000]);
  const results = backend.tidy(() =>
    [1, 2, 3, 4].map((i) => {
      const x = values(i);
      const y = ops.mul(x, 10);
      backend.free(x); // its buffer is free for reuse, and the product is not submitted
      return y;
    }),
  );
  for (const [i, y] of results.entries())
    expect(new Set(await backend.download(y)), `product ${i}`).toEqual(new Set([10 * (i + 1)]));
  for (const y of results) backend.free(y);
});

test("idle buffers are bounded, and trim destroys them", async () => {
  const { webgpu } = await import("@attnkit/webgpu");
  const small = webgpu({ device: backend.gpuDevice, poolBytes: 4096 });
  const made = Array.from({ length: 8 }, () => small.upload(new Float32Array(1024), [1024]));
  for (const x of made) small.free(x);
  expect(small.memory()).toMatchObject({ buffers: 1, idleBytes: 4096 });
  small.trim();
  expect(small.memory()).toEqual({ buffers: 0, bytes: 0, idleBytes: 0 });
  small.dispose();
});

test("more workgroups than one axis of a dispatch has", async () => {
  const { ops } = backend;
  const n = 65_536 * 64 + 1000;
  const total = backend.tidy(() =>
    ops.sum(ops.add(ops.take(backend.upload(Float32Array.of(0.5), [1]), 0, Array(n).fill(0)), 0.5), 0),
  );
  expect([...(await backend.download(total))]).toEqual([n]);
  backend.free(total);
  backend.trim();
});
