import { attention } from "@attnkit/core";
import { conformance } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { onnx } from "@attnkit/onnx";
import { softmax } from "@attnkit/softmax";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { runnerOf } from "../runner.ts";

/** float32, with every mechanism, runs in the catalog's tests. */
describe("the operations in float64", () => {
  const sessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1 };
  conformance(runnerOf(import.meta.url), {
    backend: () => onnx({ ort, dtype: "float64", sessionOptions }),
    mechanisms: [],
  });
});

test("softmax in float64 is right to float64, and not where scale factors are fused as float32", async () => {
  const values = (n: number) => Float64Array.from({ length: 300 }, (_, i) => Math.sin(i * n));
  const run = async (backend: ReturnType<typeof onnx> | ReturnType<typeof cpu>) => {
    const b = backend as ReturnType<typeof onnx>;
    const [q, k, v] = [1.1, 2.3, 0.7].map((n) => b.upload(values(n), [1, 2, 30, 5]));
    return b.download((await attention(softmax(), b, { causal: true })({ q: q!, k: k!, v: v! })).y);
  };
  const expected = await run(cpu({ dtype: "float64" }));
  const worst = async (sessionOptions: object) => {
    const got = await run(onnx({ ort, dtype: "float64", sessionOptions }));
    return Math.max(...[...got].map((y, i) => Math.abs(y - expected[i]!)));
  };
  expect(await worst({})).toBeLessThan(1e-14);
  expect(await worst({ graphOptimizationLevel: "all" })).toBeGreaterThan(1e-12);
});
