import { attention, type Mechanism } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { elementwise } from "@attnkit/elementwise";
import { logsumexp } from "@attnkit/logsumexp";
import { exportOnnx, onnx } from "@attnkit/onnx";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import { softmax as fused } from "@attnkit/softmax/onnx";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";

const LOWS = [-3.4028234663852886e38, -1e39, -1e300, -Number.MAX_VALUE];
const none = Number.NEGATIVE_INFINITY;

describe.each([
  ["cpu", () => cpu({ dtype: "float64" })],
  ["ort-cpu", () => onnx({ ort, dtype: "float64" })],
] as const)("float64 on %s", (_, create) => {
  const backend = create() as ReturnType<typeof cpu>;
  const up = (shape: readonly number[], ...x: number[]) => backend.upload(Float64Array.from(x), shape);
  const call = async (mechanism: Mechanism, bias: readonly number[], q = 0, k = 1) => {
    const n = bias.length;
    const attend = attention(mechanism, backend, { lse: mechanism.takes.lse === true });
    const values = bias.map((_, i) => 4 + 4 * i);
    const block = { q: up([1, 1], q), k: up([n, 1], ...bias.map(() => k)), v: up([n, 1], ...values) };
    const { y, lse } = await attend({ ...block, bias: up([1, n], ...bias) });
    return [(await backend.download(y))[0], lse && (await backend.download(lse))[0]];
  };

  test.each(LOWS)("bias %d is a bias", async (low) => {
    for (const mechanism of [softmax(), softmax({ softcap: 2 }), softmax({ window: [1, 1] }), fused()]) {
      expect(await call(mechanism, [low, low])).toEqual([6, low]);
      expect(await call(mechanism, [low, none])).toEqual([4, low]);
      expect(await call(mechanism, [none, low])).toEqual([8, low]);
      expect(await call(mechanism, [low, 0])).toEqual([8, 0]);
      expect(await call(mechanism, [none, none])).toEqual([0, none]);
    }
    expect(await call(elementwise({ order: "exact" }), [low, low])).toEqual([6, low]);
    expect(await call(elementwise({ order: "exact" }), [low, none])).toEqual([4, low]);
  });

  test("a bias of the weights themselves, in polynomial attention", async () => {
    const [y] = await call(polynomial({ power: 1, form: "quadratic" }), [-1e39, none]);
    expect(y).toBe(-4e39);
  });

  test("scores of a size that float32 does not have are not limited", async () => {
    expect(await call(softmax(), [0, 0], 1e100, 1e100)).toEqual([6, 1e200]);
    expect(await call(softmax(), [0, -1e200], 1e100, 1e100)).toEqual([4, 1e200]);
    expect(await call(elementwise({ order: "exact" }), [0, 0], 1e100, 1e100)).toEqual([6, 1e200]);
  });

  test("log values of a size that float32 does not have are not limited", async () => {
    const attend = attention(logsumexp({ logValues: true }), backend);
    const { y } = await attend({ q: up([1, 1], 0), k: up([2, 1], 0, 0), v: up([2, 1], 500, 500) });
    expect((await backend.download(y))[0]).toBeCloseTo(500, 10);
  });
});

test.each([[false], [true]])("an exported file in float64 takes a finite bias as a bias, fused %s", async (taken) => {
  const mechanism = taken ? fused() : softmax();
  const bytes = exportOnnx(mechanism, {
    ...{ form: "prefill", dims: { B: 1, Hq: 1, L: 2, d: 1 }, dtype: "float64", lse: true },
    ...(taken ? { fused: true, causal: true } : { bias: true }),
  });
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: "basic" });
  const tensor = (shape: readonly number[], ...x: number[]) => new ort.Tensor("float64", Float64Array.from(x), shape);
  for (const low of LOWS) {
    // The fused program takes no bias: its scores are as low as that.
    const far = Math.max(low, -1e240);
    const q = taken ? tensor([1, 1, 2, 1], 1e100, 1e100) : tensor([1, 1, 2, 1], 0, 0);
    const k = taken ? tensor([1, 1, 2, 1], far / 1e100, far / 1e100) : tensor([1, 1, 2, 1], 1, 1);
    const v = tensor([1, 1, 2, 1], 4, 8);
    const bias = tensor([1, 1, 2, 2], low, low, none, low);
    const { y, lse } = await session.run({ q, k, v, ...(!taken && { bias }) });
    expect(Array.from(y!.data as Float64Array)).toEqual(taken ? [4, 6] : [6, 8]);
    for (const x of lse!.data as Float64Array) expect(x / (taken ? far : low)).toBeCloseTo(1, 12);
  }
  await session.release();
});

test("an exported file with float16 storage takes float16's lowest number as a bias", async () => {
  const bytes = exportOnnx(softmax(), {
    ...{ form: "prefill", dims: { B: 1, Hq: 1, L: 2, d: 1 }, dtype: "float16", lse: true, bias: true },
  });
  const session = await ort.InferenceSession.create(bytes);
  const half = { 0: 0x0000, 1: 0x3c00, 4: 0x4400, 8: 0x4800, lowest: 0xfbff, none: 0xfc00 };
  const tensor = (shape: readonly number[], ...x: number[]) => new ort.Tensor("float16", Uint16Array.from(x), shape);
  const { y, lse } = await session.run({
    q: tensor([1, 1, 2, 1], half[0], half[0]),
    k: tensor([1, 1, 2, 1], half[1], half[1]),
    v: tensor([1, 1, 2, 1], half[4], half[8]),
    bias: tensor([1, 1, 2, 2], half.lowest, half.lowest, half.none, half.lowest),
  });
  const bits = y!.data as unknown as { buffer: ArrayBuffer; byteOffset: number };
  expect(Array.from(new Uint16Array(bits.buffer, bits.byteOffset, 2))).toEqual([0x4600, half[8]]); // 6 and 8
  expect((lse!.data as Float32Array)[1]).toBe(-65504);
  await session.release();
});
