/**
 * Why no kernel of ours is one of ONNX Runtime's attention operators: what they get wrong, as of the version that we test.
 * A test here that fails says that ONNX Runtime has changed, and that docs/decisions/0011 should be read again.
 */
import * as ort from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { describe, expect, test } from "vitest";
import { Graph } from "../src/graph.ts";
import { bytesOf, modelOf } from "../src/model.ts";
import type { Attribute, Value } from "../src/value.ts";

const [H, L, d] = [2, 4, 4];
web.env.wasm.numThreads = 1;

type Inputs = Readonly<Record<string, readonly [shape: readonly number[], data: readonly number[]]>>;

/** One operator's first output, of the shape of q. */
async function run(
  runtime: Pick<typeof ort, "InferenceSession" | "Tensor">,
  op: string,
  order: readonly string[],
  inputs: Inputs,
  attributes: Readonly<Record<string, Attribute>>,
): Promise<number[]> {
  const g = new Graph(Float32Array);
  const from = order.map((name): Value => (inputs[name] ? g.input(name, "float", inputs[name][0]) : g.absent()));
  const y = g.node(op, from, "float", inputs.q![0], attributes);
  const model = bytesOf(modelOf(g, { y }, { opset: 23, name: "operator" }));
  const session = await runtime.InferenceSession.create(model, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const feeds = Object.entries(inputs).map(([name, [shape, data]]) => {
    return [name, new runtime.Tensor("float32", Float32Array.from(data), [...shape])] as const;
  });
  const result = await session.run(Object.fromEntries(feeds));
  await session.release();
  return [...(result.y!.data as Float32Array)];
}

const waves = (n: number, phase: number) => Array.from({ length: n }, (_, i) => Math.sin(1.3 * i + phase));
const flat = [1, L, H * d] as const;
const heads = [1, H, L, d] as const;
/** Row 0 and row 3 of every head, in both layouts. */
const row = (y: readonly number[], i: number, packed: boolean) =>
  packed
    ? y.slice(i * H * d, (i + 1) * H * d)
    : Array.from({ length: H }, (_, h) => y.slice((h * L + i) * d, (h * L + i + 1) * d)).flat();

describe.each([
  ["cpu", ort],
  ["wasm", web],
] as const)("operators of ONNX Runtime on %s", (_, runtime) => {
  const sizes = H * L * d;
  const order = ["q", "k", "v", "none", "none2", "bias"];

  test("MultiHeadAttention: a row masked with -Infinity is NaN (S8 wants 0)", async () => {
    const bias = Array.from({ length: L * L }, (_, n) => (n < L ? Number.NEGATIVE_INFINITY : 0));
    const inputs: Inputs = {
      q: [flat, waves(sizes, 0)],
      k: [flat, waves(sizes, 1)],
      v: [flat, waves(sizes, 2)],
      bias: [[1, 1, L, L], bias],
    };
    const y = await run(runtime, "com.microsoft.MultiHeadAttention", order, inputs, { num_heads: H });
    expect(row(y, 0, true).every(Number.isNaN)).toBe(true);
    expect(row(y, 1, true).every(Number.isFinite)).toBe(true);
  });

  test.each([
    ["com.microsoft.MultiHeadAttention", flat, { num_heads: H, unidirectional: 1 }],
    ["Attention", heads, { is_causal: 1 }],
  ] as const)("%s: NaN in a later value reaches the rows before it", async (op, shape, attributes) => {
    const packed = shape === flat;
    // The last token of every head.
    const isLast = (i: number) => (packed ? i >= (L - 1) * H * d : i % (L * d) >= (L - 1) * d);
    const v = waves(sizes, 2).map((x, i) => (isLast(i) ? Number.NaN : x));
    const inputs: Inputs = { q: [shape, waves(sizes, 0)], k: [shape, waves(sizes, 1)], v: [shape, v] };
    const y = await run(runtime, op, ["q", "k", "v"], inputs, attributes);
    expect(row(y, 0, packed).some(Number.isNaN)).toBe(true);
  });
});
