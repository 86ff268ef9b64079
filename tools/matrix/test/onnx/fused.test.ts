/** Programs in ONNX's own nodes: what they take, that they agree with the portable ones, and no leaks. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { creator, mechanisms } from "@attnkit/catalog";
import {
  type Attention,
  attention,
  type Causal,
  type Mechanism,
  type Options,
  type Result,
  type State,
} from "@attnkit/core";
import { conformance } from "@attnkit/core/conformance";
import { fusedKernels, onnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { describe, expect, test, vi } from "vitest";
import { runnerOf } from "../runner.ts";

vi.setConfig({ testTimeout: 60_000 });
web.env.wasm.numThreads = 1;

const sessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1 };
const backend = onnx({ ort, sessionOptions });
const make = async (name: string, options?: Options): Promise<Mechanism> =>
  (await creator(mechanisms.find((m) => m.name === name)!, { kind: "onnx" }))(options);

const waves = (n: number, phase: number) =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(12.9898 * i + 78.233 * phase) * 1.5);
const up = (H: number, L: number, d: number, phase: number, on = backend) =>
  on.upload(waves(H * L * d, phase), [1, H, L, d]);
const block = (L: number, phase: number, { Hq = 2, Hkv = 2, d = 8, on = backend } = {}) => ({
  ...{ q: up(Hq, L, d, phase, on), k: up(Hkv, L, d, phase + 1, on), v: up(Hkv, L, d, phase + 2, on) },
});

/** Equal to 1e-5 of the largest entry: the conformance suite knows the error budget, this asks for the same function. */
async function close(a: ort.Tensor, b: ort.Tensor): Promise<void> {
  const [x, y] = (await Promise.all([backend.download(a), backend.download(b)])).map((z) => Array.from(z));
  expect(x!.length).toBe(y!.length);
  const size = y!.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const worst = x!.reduce((most, value, i) => Math.max(most, Math.abs(value - y![i]!)), 0);
  expect(worst / size).toBeLessThan(1e-5);
}

describe("fused programs agree with the portable ones where blocks and chunks meet", () => {
  const cases: readonly (readonly [string, Options])[] = [
    ["softmax", {}],
    ["softmax", { scale: 0.7, softcap: 3 }],
    ["linear", {}],
    ["linear", { featureMap: "taylor2" }],
    ["linear", { featureMap: "identity", normalize: false, scale: 0.5 }],
    ["elementwise", { order: 4 }],
  ];
  test.each(cases)("%s %o", async (name, options) => {
    const mechanism = await make(name, options);
    const lse = mechanism.takes.lse === true;
    const [fused, portable] = (["require", "never"] as const).map((kernels) =>
      attention(mechanism, backend, { causal: true, kernels, lse }),
    ) as [Attention<ort.Tensor>, Attention<ort.Tensor>];
    let state: State<ort.Tensor> | undefined;
    for (const L of [300, 130]) {
      const x = { ...block(L, L, { Hq: 4, Hkv: 2 }), ...(state && { state }) };
      const [got, expected] = [await fused(x), await portable(x)];
      await close(got.y, expected.y);
      if (lse) await close(got.lse!, expected.lse!);
      for (const [entry, value] of Object.entries(expected.state)) await close(got.state[entry]!, value);
      state = got.state;
    }
  });
});

describe("a fused program leaves out masks only where every row sees every key", () => {
  const one = { q: [1, 1, 1, 1], k: [1, 1, 3, 1] } as const;
  test.each([
    ["ort-cpu", onnx({ ort, sessionOptions })],
    ["ort-cpu in float64", onnx({ ort, sessionOptions, dtype: "float64" })],
    ["ort-wasm", onnx({ ort: web })],
  ])("one causal query over several keys sees the past and the first: %s", async (_, on) => {
    const give = (shape: readonly number[], ...x: number[]) => on.upload(Float64Array.from(x), shape);
    const attend = async (causal: Causal) =>
      attention(await make("softmax"), on, { causal, lse: true, kernels: "require" });
    const numbers = async ({ y, lse }: Result<ort.Tensor>) => [
      (await on.download(y))[0]!,
      (await on.download(lse!))[0]!,
    ];
    const near = (got: number[], expected: number[]) =>
      got.forEach((x, i) => {
        expect(x).toBeCloseTo(expected[i]!, 5);
      });
    const x = { q: give(one.q, 1), k: give(one.k, 1, 2, 3), v: give(one.k, 3, 5, 9) };
    near(await numbers(await (await attend(true))(x)), [3, 1]);
    const all = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3));
    const mean = (3 * Math.exp(1) + 5 * Math.exp(2) + 9 * Math.exp(3)) / Math.exp(all);
    near(await numbers(await (await attend("end"))(x)), [mean, all]);
    near(await numbers(await (await attend(false))(x)), [mean, all]);
    const state = { k: give([1, 1, 1, 1], 1), v: give([1, 1, 1, 1], 7) };
    const two = [1, 1, 2, 1];
    const after = { q: give(one.q, 0), k: give(two, 1, 1), v: give(two, 3, 50), state };
    near(await numbers(await (await attend(true))(after)), [5, Math.log(2)]);
    near(await numbers(await (await attend("end"))(after)), [20, Math.log(3)]);
  });

  const tall = { Hq: 4, Hkv: 2 };
  test.each([
    [true, 300, 410],
    ["end", 300, 410],
    ["end", 1, 40],
    [true, 1, 40],
    [true, 40, 1],
  ] as const)("softmax, causal %s, %i queries and %i keys, without and with a past", async (causal, L, S) => {
    const mechanism = await make("softmax", { softcap: 3 });
    const [fused, portable] = (["require", "never"] as const).map((kernels) =>
      attention(mechanism, backend, { causal, kernels, lse: true }),
    ) as [Attention<ort.Tensor>, Attention<ort.Tensor>];
    const { state } = await portable(block(5, 7, tall));
    const x = { q: block(L, L, tall).q, k: block(S, S, tall).k, v: block(S, S, tall).v };
    for (const given of [x, { ...x, state }]) {
      const [got, expected] = [await fused(given), await portable(given)];
      await close(got.y, expected.y);
      await close(got.lse!, expected.lse!);
      await close(got.state.v!, expected.state.v!);
    }
  });

  test.each(["softmax", "linear", "elementwise"])('%s: "end" is `true` where there are as many keys', async (name) => {
    const mechanism = await make(name);
    const [end, top] = (["end", true] as const).map((causal) =>
      attention(mechanism, backend, { causal, kernels: "require" }),
    ) as [Attention<ort.Tensor>, Attention<ort.Tensor>];
    const { state } = await end(block(33, 1, tall));
    for (const x of [block(33, 3, tall), { ...block(32, 5, tall), state }])
      await close((await end(x)).y, (await top(x)).y);
  });
});

describe("small shapes in float64", async () => {
  const entries = mechanisms.filter(({ kernels }) => kernels?.onnx);
  const rows = await Promise.all(
    entries.map(async ({ name, reference }) => ({ mechanism: await make(name), reference: reference() })),
  );
  const doubles = onnx({ ort, sessionOptions, dtype: "float64" });
  conformance(runnerOf(import.meta.url), { backend: () => doubles, mechanisms: rows }, { law: "small-shapes" });
});

test("calls that a fused program cannot do right are refused, each with its reason", async () => {
  const x = block(40, 0);
  const keyMask = backend.upload(new Uint8Array(40).fill(1), [1, 40]);
  const mask = backend.upload(new Uint8Array(40).fill(1), [1, 40]);
  const require = async (name: string, options?: Options) =>
    attention(await make(name, options), backend, { causal: true, kernels: "require" });
  const refused = (call: Promise<unknown>, reason: RegExp) =>
    expect(call).rejects.toMatchObject({ code: "ATTN_NO_KERNEL", message: expect.stringMatching(reason) });
  await refused((await require("softmax"))({ ...x, keyMask }), /keyMask/);
  await refused((await require("softmax"))({ ...x, mask }), /mask/);
  await refused((await require("softmax", { window: [3, 0] }))(x), /window/);
  await refused((await require("softmax"))({ ...x, k: up(2, 30, 8, 1), v: up(2, 30, 8, 2) }), /40 queries and 30 keys/);
  const gpu = onnx({ ort, executionProviders: ["webgpu"] });
  const [kernel] = fusedKernels(await make("softmax"));
  const dims = { B: 1, Hq: 2, Hkv: 2, L: 1, S: 1, d: 8, dv: 8 };
  const shapes = { q: [1, 2, 1, 8], k: [1, 2, 1, 8], v: [1, 2, 1, 8] };
  const call = { mechanism: "softmax", options: {}, causal: true, lse: false, state: true, dims, shapes };
  expect(kernel!.accepts(call, backend)).toBe(true);
  expect(kernel!.accepts(call, gpu)).toMatch(/not measured on ort-webgpu/);
});

test("NaN in a later key, and any change of a later value, leave the rows before it as they were", async () => {
  const attend = attention(await make("softmax"), backend, { causal: true, kernels: "require" });
  const x = block(200, 0);
  const changed = (source: Float32Array, to: number) =>
    source.map((value, i) => (Math.floor(i / 8) % 200 >= 150 ? to : value));
  const k = backend.upload(changed(waves(2 * 200 * 8, 1), Number.NaN), [1, 2, 200, 8]);
  const v = backend.upload(changed(waves(2 * 200 * 8, 2), 1e30), [1, 2, 200, 8]);
  const [clean, sick] = [await attend(x), await attend({ q: x.q, k, v })];
  const rows = async (y: ort.Tensor) =>
    (await backend.download(y)).filter((_, i) => Math.floor(i / 8) % 200 < 150) as Float32Array;
  expect(await rows(sick.y)).toEqual(await rows(clean.y));
});

setFlagsFromString("--expose-gc");
const gc: () => void = runInNewContext("gc");
/** Twice: the first finds tensors, whose memory is given back in the next turn. */
async function collect(): Promise<void> {
  for (let n = 0; n < 2; n++) {
    gc();
    await new Promise((done) => setImmediate(done));
  }
}

describe.each([
  ["ort-cpu", onnx({ ort, sessionOptions })],
  ["ort-wasm", onnx({ ort: web })],
] as const)("1000 decode steps on %s", (_, on) => {
  test.each(["linear", "softmax"])("%s: one more session, and memory as at the start", async (name) => {
    const attend = attention(await make(name), on, { causal: true });
    const d = 64;
    const one = () => block(1, 3, { d, on });
    let { state } = await attend(block(4, 0, { d, on }));
    const step = async () => {
      const { q, k, v } = one();
      const { y, state: next } = await attend({ q, k, v, state });
      for (const x of [q, k, v, y, ...Object.values(state)]) on.free(x as ort.Tensor);
      state = next;
    };
    for (let n = 0; n < 50; n++) await step();
    await collect();
    const [sessions, before] = [on.sessions, process.memoryUsage()];
    for (let n = 0; n < 1000; n++) await step();
    await collect();
    const after = process.memoryUsage();
    expect(on.sessions).toBe(sessions);
    // Kept states would be 500 MB of a growing cache, 33 MB of linear's; the last cache is 1 MB.
    expect(after.rss - before.rss).toBeLessThan(200e6);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(5e6);
    expect(on.shape(Object.values(state)[0]!)).toEqual(name === "softmax" ? [1, 2, 1054, d] : [1, 2, d, d]);
  });
});
