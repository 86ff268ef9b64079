import { AttentionError, type Tensors } from "@attnkit/core";
import { elementCount, nonNegativeAxis, reduceShape } from "@attnkit/core/backend";
import { isKnown, isKnownShape, type Ops, type SymbolicShape } from "@attnkit/core/program";
import { arithmetic, combined } from "./fold.ts";
import type { Nodes } from "./fused.ts";
import type { Graph } from "./graph.ts";
import { moves } from "./moves.ts";
import { covers, isEmpty, knownShape } from "./sizes.ts";
import { typed } from "./types.ts";
import type { Value } from "./value.ts";

/** Constants up to this many elements are computed while recording, even where they are larger than what they come from. */
const FOLDED = 65536;

/** Operations that write nodes into `g`. Axes of size 0 never reach the graph: what they lead to is known. */
export function recording(g: Graph): Nodes {
  const types = typed(g);
  const { float, bool, and, not, empty } = types;

  /** `max(min(x, high), low)` and `min(max(x, low), high)` are one node. */
  const clipped = (op: string, a: Value, b: Value, shape: SymbolicShape): Value | undefined => {
    const other = op === "Max" ? "Min" : op === "Min" ? "Max" : undefined;
    const number = (x: Value) => (x.data?.length === 1 && x.shape.length === 0 ? Number(x.data[0]) : Number.NaN);
    if (a.op !== other) return undefined;
    const [x, inner] = a.from as [Value, Value];
    const [low, high] = op === "Max" ? [b, inner] : [inner, b];
    if (!(number(low) <= number(high)) || x.shape.length !== shape.length) return undefined;
    return g.node("Clip", [x, low, high], "float", shape);
  };
  const binary = (op: keyof typeof arithmetic) => (x: Value | number, y: Value | number) => {
    const [a, b] = [float(x), float(y)];
    const shape = g.sizes.broadcast(op.toLowerCase(), a.shape, b.shape);
    if (isEmpty(shape)) return empty("float", shape);
    if (a.data && b.data && isKnownShape(shape)) {
      const folds = elementCount(shape) <= Math.max(FOLDED, a.data.length, b.data.length);
      const [x, y] = [a, b].map(({ data, shape }) => [data!, knownShape(shape)] as const);
      if (folds) return g.constant("float", shape, combined(g.Float, arithmetic[op], shape, x!, y!));
    }
    return clipped(op, a, b, shape) ?? g.node(op, [a, b], "float", shape);
  };
  const unary = (op: string) => (x: Value) =>
    isEmpty(x.shape) ? empty("float", x.shape) : g.node(op, [float(x)], "float", x.shape);
  const reduce = (op: string, none: number) => (x: Value, axis: number) => {
    const at = nonNegativeAxis(op, x.shape, axis);
    const shape = reduceShape(op, x.shape, at);
    if (isEmpty(x.shape)) return g.full(knownShape(shape), none);
    if (x.shape[at] === 1) return float(x);
    return g.node(op, [float(x), g.ints(at)], "float", shape, { keepdims: 1 });
  };

  /** `a` or `b` or both have this very value everywhere. */
  const chosen = (m: Value, a: Value, b: Value, shape: SymbolicShape): Value => {
    const scalar = (x: Value) =>
      x.data?.length === 1 && x.shape.length <= m.shape.length ? Number(x.data[0]) : undefined;
    const [one, zero] = [scalar(a), scalar(b)];
    if (one === 1 && zero === 0 && !m.data) return float(m);
    if (one === 0 && zero === 1 && !m.data) return float(not(m));
    // The divisor of a row that may see nothing: a selection between so few numbers takes longer than a sum.
    if (zero === 1 && m.op === "Cast" && m.from[0] === a && covers(a.shape, shape))
      return g.node("Add", [a, float(not(m))], "float", shape);
    if (zero === 0 && a.truth) return float(and(m, a.truth));
    if (a === b && isKnownShape(shape)) {
      if (a.data?.length === 1) return g.full(shape, Number(a.data[0]));
      return covers(a.shape, shape) && a.shape.length === shape.length
        ? a
        : g.node("Expand", [a, g.ints(...shape)], "float", shape);
    }
    return g.node("Where", [m, a, b], "float", shape);
  };

  return {
    node(op, inputs, shape, attributes) {
      const from = inputs.map((x) =>
        "ints" in x ? g.ints(...x.ints) : "int" in x ? g.constant("int64", [], [x.int]) : float(x),
      );
      return g.node(op, from, "float", shape, attributes);
    },
    dtype: g.Float === Float32Array ? "float32" : "float64",
    shape: (x) => x.shape,
    constant: (data, shape) => g.floats(data, shape),
    ...moves(g, types),
    add: binary("Add"),
    sub: binary("Sub"),
    mul: binary("Mul"),
    div: binary("Div"),
    maximum: binary("Max"),
    minimum: binary("Min"),
    where(mask, x, y) {
      const [a, b] = [float(x), float(y)];
      const shape = g.sizes.broadcast("where", mask.shape, a.shape, b.shape);
      return isEmpty(shape) ? empty("float", shape) : chosen(bool(mask), a, b, shape);
    },
    exp: unary("Exp"),
    log: unary("Log"),
    tanh: unary("Tanh"),
    sum: reduce("ReduceSum", 0),
    max: reduce("ReduceMax", Number.NEGATIVE_INFINITY),
    cumsum(x, axis) {
      const at = nonNegativeAxis("cumsum", x.shape, axis);
      if (isEmpty(x.shape)) return empty("float", x.shape);
      return g.node("CumSum", [float(x), g.constant("int64", [], [at])], "float", x.shape);
    },
    matmul(a, b) {
      checkProduct(a.shape, b.shape);
      const lead = g.sizes.broadcast("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
      const shape = [...lead, a.shape.at(-2)!, b.shape.at(-1)!];
      if (isEmpty(shape)) return empty("float", shape);
      if (a.shape.at(-1) === 0) return g.full(knownShape(shape), 0);
      return g.node("MatMul", [float(a), float(b)], "float", shape);
    },
  };
}

/** Throws `ATTN_SHAPE` where the inner sizes of a product differ. Symbolic ones are taken to agree with what they meet. */
function checkProduct(a: SymbolicShape, b: SymbolicShape): void {
  const [m, n] = [a.at(-1), b.at(-2)];
  if (a.length > 1 && b.length > 1 && (m === n || !isKnown(m!) || !isKnown(n!))) return;
  const got = `got [${a.join(", ")}] and [${b.join(", ")}]`;
  throw new AttentionError("ATTN_SHAPE", "matmul", `${got}, expected [..., m, k] and [..., k, n]`);
}

/** Records a program of named tensors. */
export function record(
  g: Graph,
  program: (o: Ops<Value>, x: Tensors<Value>) => Tensors<Value>,
  inputs: Tensors<Pick<Value, "type" | "shape">>,
): Tensors<Value> {
  const x = Object.fromEntries(
    Object.entries(inputs).map(([name, { type, shape }]) => [name, g.input(name, type, shape)]),
  );
  return program(recording(g), x);
}
