import { mechanisms } from "@attnkit/catalog";
import { allowance, oracle } from "@attnkit/core/conformance";
import { type BaselineEntry, baselines } from "@attnkit/measure/baselines";
import { describe, expect, test, vi } from "vitest";
import { matrices, productError, sideOf } from "../../../measure/src/baselines/matmul.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Some need sizes of 16 and more. */
const SIZES = { Hq: 4, Hkv: 2, d: 16, dv: 16 };
const L = 33;

const numbers = (n: number, step: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(1 + i * step));
const inputs = ({ Hq, Hkv, d, dv }: typeof SIZES) => ({
  q: { shape: [2, Hq, L, d], data: numbers(2 * Hq * L * d, 0.7) },
  k: { shape: [2, Hkv, L, d], data: numbers(2 * Hkv * L * d, 1.7) },
  v: { shape: [2, Hkv, L, dv], data: numbers(2 * Hkv * L * dv, 2.7) },
});

/** The largest error of a prefill as a share of the allowed one. */
async function used(entry: BaselineEntry, sizes: typeof SIZES): Promise<number> {
  const baseline = await entry.create(sizes);
  const host = inputs(sizes);
  const [q, k, v] = [host.q, host.k, host.v].map(({ data, shape }) => baseline.upload(data, shape));
  const y = await baseline.attend({ q, k, v });
  await baseline.settle(y);
  try {
    if (!entry.computes) return await baseline.errorUsed!(y);
    const reference = mechanisms.find((m) => m.name === entry.computes!.mechanism)!.reference(entry.computes.options);
    const wide = Object.fromEntries(
      Object.entries(host).map(([name, { shape, data }]) => [name, { shape, data: Float64Array.from(data) }]),
    ) as Record<"q" | "k" | "v", { shape: number[]; data: Float64Array }>;
    const truth = oracle(reference, { block: wide, causal: true });
    expect(baseline.shape(y)).toEqual([2, sizes.Hq, L, sizes.dv]);
    const got = await baseline.download(y);
    const shares = Array.from(
      got,
      (x, i) => Math.abs(x - truth.y.data[i]!) / allowance("float32", L, truth.scale.data[i]!),
    );
    expect(shares.length).toBe(truth.y.data.length);
    return Math.max(...shares);
  } finally {
    for (const x of [q, k, v, y]) baseline.free(x);
  }
}

/** Attention of ONNX Runtime 1.30 on WebGPU is wrong beyond 32 tokens where subgroups are small: those of SwiftShader are 4. */
const software = process.env.ATTNKIT_WEBGPU_ADAPTER !== "default";
const wrong = ["com.microsoft.MultiHeadAttention on ort-webgpu", "com.microsoft.GroupQueryAttention on ort-webgpu"];

/** The baselines that ONNX Runtime cannot run, with its messages. */
const refused: Readonly<Record<string, RegExp>> = {
  "Attention (ONNX 23) on ort-webgpu": /CPU EP|fallback|not implemented|NOT_IMPLEMENTED/i,
};

describe.each(["tfjs-cpu", "tfjs-wasm", "tfjs-webgpu", "ort-cpu", "ort-wasm", "ort-webgpu"])("on %s", (backend) => {
  const here = baselines.filter((b) => b.backend === backend);
  test.each(here.map((b) => [b.name, b] as const))("%s is what it is known to be", async (name, entry) => {
    const sizes = name.includes("MultiHead") ? { ...SIZES, Hkv: SIZES.Hq } : SIZES;
    const reason = refused[`${name} on ${backend}`];
    if (reason) await expect(used(entry, sizes)).rejects.toThrow(reason);
    else if (software && wrong.includes(`${name} on ${backend}`))
      expect(await used(entry, sizes)).toBeGreaterThan(1000);
    else expect(await used(entry, sizes)).toBeLessThan(1);
  });
});

test("MultiHeadAttention has no grouped heads and says so", async () => {
  const entry = baselines.find((b) => b.name.includes("MultiHead"))!;
  await expect(entry.create(SIZES)).rejects.toThrow("got Hq = 4 and Hkv = 2");
});

describe("the yardstick", () => {
  test("does as many multiplications as causal attention needs", () => {
    // 8 heads, 4096 x 4097 / 2 pairs, 128 multiplications each: 8.59e9.
    const n = sideOf([1, 8, 4096, 64], 64);
    expect(n ** 3 / 8.592e9).toBeCloseTo(1, 2);
  });

  test("a wrong product is seen", () => {
    const n = 16;
    const { a, b } = matrices(n);
    const product = Float32Array.from({ length: n * n }, (_, i) =>
      Array.from({ length: n }, (_, j) => a[Math.floor(i / n) * n + j]! * b[j * n + (i % n)]!).reduce((x, y) => x + y),
    );
    expect(productError(product)).toBeLessThan(1);
    expect(productError(product.slice(1))).toBe(Number.POSITIVE_INFINITY);
    product[0] = product[0]! + 1e-4;
    expect(productError(product)).toBeGreaterThan(1);
    product[0] = Number.NaN;
    expect(productError(product)).toBe(Number.POSITIVE_INFINITY);
  });
});
