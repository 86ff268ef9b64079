import type { Graph } from "./graph.ts";
import { BOOL, DOUBLE, FLOAT } from "./proto/onnx.ts";
import { from, rewritten } from "./rewrite.ts";
import { knownShape } from "./sizes.ts";
import type { Value } from "./value.ts";

/**
 * Replaces operations that a provider computes wrongly. It only changes graphs for ONNX Runtime's WebGPU provider
 * (1.30):
 * - It cannot move booleans: they are moved as floats 1 and 0.
 * - `Log(0)` is the logarithm of the smallest positive number: 0 is selected separately.
 * - `Clip`, `Max`, `Min` and `Log` lose NaN: inputs that differ from themselves are selected separately.
 */
export const lowered = (
  g: Graph,
  outputs: Readonly<Record<string, Value>>,
  provider: string,
): Readonly<Record<string, Value>> =>
  provider === "webgpu" ? rewritten(outputs, (x, values) => onWebgpu(g, x, values)) : outputs;

/** The operators that move elements, each with the test whether input i holds the elements. */
const MOVES: Readonly<Record<string, (input: number) => boolean>> = {
  Reshape: (i) => i === 0,
  Transpose: (i) => i === 0,
  Slice: (i) => i === 0,
  Gather: (i) => i === 0,
  Expand: (i) => i === 0,
  Pad: (i) => i === 0 || i === 2,
  Concat: () => true,
};

function onWebgpu(g: Graph, x: Value, values: readonly Value[]): Value {
  const moves = MOVES[x.op];
  if (x.type === "bool" && moves) {
    const to = g.Float === Float32Array ? FLOAT : DOUBLE;
    const float = (y: Value) =>
      y.data ? g.floats(Array.from(y.data), knownShape(y.shape)) : g.node("Cast", [y], "float", y.shape, { to });
    const parts = values.map((y, i) => (moves(i) && y.type === "bool" ? float(y) : y));
    const moved = g.node(x.op, parts, "float", x.shape, x.attributes);
    return g.node("Cast", [moved], "bool", x.shape, { to: BOOL });
  }
  const same = from(g, x, values);
  const limits = ["Clip", "Max", "Min"].includes(x.op) && x.type === "float";
  if (limits) return withNaN(g, x, values, same);
  if (x.op !== "Log") return same;
  const isZero = g.node("Equal", [values[0]!, g.floats([0], [])], "bool", x.shape);
  return withNaN(
    g,
    x,
    values,
    g.node("Where", [isZero, g.floats([Number.NEGATIVE_INFINITY], []), same], "float", x.shape),
  );
}

/** Returns `result`, or NaN where the one input that is not a constant is NaN. */
function withNaN(g: Graph, x: Value, values: readonly Value[], result: Value): Value {
  const tested = values.filter((y) => !y.data);
  if (tested.length !== 1) return result;
  const number = g.node("Equal", [tested[0]!, tested[0]!], "bool", tested[0]!.shape);
  return g.node("Where", [number, result, tested[0]!], "float", x.shape);
}
