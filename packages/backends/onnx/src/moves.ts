import type { Shape } from "@attnkit/core";
import { concatShape, nonNegativeAxis, sliceShape, takeShape, transposeShape } from "@attnkit/core/backend";
import { type Dim, isKnown, isKnownShape, type Ops, requireKnown, type SymbolicShape } from "@attnkit/core/program";
import { gathered, strides } from "./fold.ts";
import type { Graph } from "./graph.ts";
import { isEmpty, knownShape, type Part, partOf, totalOf } from "./sizes.ts";
import type { Typed } from "./types.ts";
import type { Numbers, Value } from "./value.ts";

type Moves = Pick<Ops<Value>, "reshape" | "transpose" | "slice" | "concat" | "take">;

/** The operations that only move elements: booleans stay booleans, and what is known to be 1 or 0 stays known. */
export function moves(g: Graph, { float, empty }: Typed): Moves {
  const cast = (truth: Value): Value => float(truth);
  /** `x` moved by `move`: a float that stands for a boolean by moving the boolean. */
  const moved = (
    x: Value,
    shape: SymbolicShape,
    move: (x: Value) => Value,
    op: () => Value,
    data?: (from: Shape, to: Shape) => Numbers,
  ): Value => {
    if (isEmpty(shape)) return empty(x.type, shape);
    if (x.data && data) return g.constant(x.type, knownShape(shape), data(knownShape(x.shape), knownShape(shape)));
    return x.truth ? cast(move(x.truth)) : op();
  };

  const reshape = (x: Value, to: SymbolicShape): Value => {
    const { shape, code } = g.sizes.reshape(x.shape, to);
    if (shape.length === x.shape.length && shape.every((n, i) => n === x.shape[i])) return x;
    const source = x.op === "Reshape" && isKnownShape(shape) ? x.from[0]! : x;
    return moved(
      x,
      shape,
      (t) => reshape(t, to),
      () => g.node("Reshape", [source, told(g, shape, code)], x.type, shape),
      () => x.data!,
    );
  };

  const transpose = (x: Value, perm: readonly number[]): Value => {
    const axes = perm.map((p) => nonNegativeAxis("transpose", x.shape, p));
    const shape = transposeShape(x.shape, axes);
    if (axes.every((p, i) => p === i)) return x;
    return moved(
      x,
      shape,
      (t) => transpose(t, axes),
      () => g.node("Transpose", [x], x.type, shape, { perm: axes }),
      (from, to) => {
        const steps = strides(from);
        return gathered(
          x.data!,
          to,
          axes.map((p) => steps[p]!),
        );
      },
    );
  };

  const slice = (x: Value, axis: number, start: Dim, end: Dim): Value => {
    const at = nonNegativeAxis("slice", x.shape, axis);
    const axisSize = x.shape[at]!;
    const part = isKnown(axisSize) ? knownPart(x.shape, at, start, end) : partOf(axisSize, start, end);
    const shape = x.shape.with(at, part.size);
    if (part.size === axisSize) return x;
    return moved(
      x,
      shape,
      (t) => slice(t, at, start, end),
      () => g.node("Slice", [x, g.ints(part.start), g.ints(part.end), g.ints(at)], x.type, shape),
      (from, to) => gathered(x.data!, to, strides(from), part.start * strides(from)[at]!),
    );
  };

  const take = (x: Value, axis: number, indices: readonly number[]): Value => {
    const at = nonNegativeAxis("take", x.shape, axis);
    requireKnown("take", x.shape[at]!);
    const shape = takeShape(x.shape, at, indices);
    return moved(
      x,
      shape,
      (t) => take(t, at, indices),
      () => g.node("Gather", [x, g.ints(...indices)], x.type, shape, { axis: at }),
    );
  };

  const concat = (xs: readonly Value[], axis: number): Value => {
    const at = concatAxis(xs, axis);
    const shape = xs[0]!.shape.with(at, totalOf(xs.map((x) => x.shape[at]!)));
    const truths = xs.map((x) => (x.type === "bool" ? x : x.truth));
    const boolean = xs.every((x) => x.type === "bool");
    const parts = xs.filter((x) => !isEmpty(x.shape)).map((x) => (boolean ? x : float(x)));
    if (parts.length === 0) return empty(boolean ? "bool" : "float", shape);
    if (parts.length === 1) return parts[0]!;
    if (!boolean && truths.every((t) => t !== undefined)) return cast(concat(truths, at));
    return g.node("Concat", parts, boolean ? "bool" : "float", shape, { axis: at });
  };

  return { reshape, transpose, slice, take, concat };
}

/** The new shape for a Reshape; ONNX works out one size, and others that it cannot copy are counted. */
function told(g: Graph, shape: SymbolicShape, code: Shape): Value {
  const open = code.indexOf(-1);
  if (open === code.lastIndexOf(-1)) return g.ints(...code);
  const sizes = code.map((n, i) => {
    const size = shape[i]!;
    return isKnown(size) || n !== -1 || i === open ? g.ints(n) : g.size(size);
  });
  return g.node("Concat", sizes, "int64", [code.length], { axis: 0 });
}

/** The part `start..end` of an axis of known size. Throws `ATTN_SHAPE` where it is outside of the axis. */
function knownPart(x: SymbolicShape, axis: number, start: Dim, end: Dim): Part {
  const [from, to] = [requireKnown("slice", start), requireKnown("slice", end)];
  return { size: sliceShape(x, axis, from, to)[axis]!, start: from, end: to };
}

/** Sizes must agree except along `axis`; symbolic ones are taken to. */
function concatAxis(xs: readonly Value[], axis: number): number {
  const [first] = xs;
  const at = first ? nonNegativeAxis("concat", first.shape, axis) : 0;
  const all = xs.map(({ shape }) =>
    shape.map((n, i) => {
      const expected = first?.shape[i] ?? n;
      if (i === at || !isKnown(expected)) return 1;
      return isKnown(n) ? n : expected;
    }),
  );
  concatShape(all, axis);
  return at;
}
