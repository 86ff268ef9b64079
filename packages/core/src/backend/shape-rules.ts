import { AttentionError } from "../program/errors.ts";
import type { Shape } from "../program/ops.ts";
import { describeValue } from "./describe.ts";

/** Shape rules of the primitives, shared by every backend that wants them. Each throws `ATTN_SHAPE` when its rule is broken. */

/** Returns whether two shapes have the same rank and the same sizes. */
export const equalShapes = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);

/** Number of elements; `[]` is a scalar and has one. */
export function elementCount(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** `shape` itself, if every size is a whole number from 0. */
export function checkedShape(op: string, shape: Shape): Shape {
  if (!Array.isArray(shape) && !ArrayBuffer.isView(shape))
    throw wrong(op, `a shape is an array of sizes; got ${describeValue(shape)}, expected one such as [2, 3]`);
  for (const n of shape)
    if (!Number.isInteger(n) || n < 0)
      throw wrong(
        op,
        `a size is a whole number from 0; got the shape [${Array.from(shape, describeValue).join(", ")}], expected one such as [2, 3]`,
      );
  return shape;
}

/** The shape of `constant(data, shape)`, or of data uploaded by `op`; `ATTN_DATA` where the number of values is another. */
export function dataShape(op: string, length: number, shape: Shape): Shape {
  const size = elementCount(checkedShape(op, shape));
  if (length !== size)
    throw new AttentionError("ATTN_DATA", op, `got ${length} values for ${show(shape)}, expected ${size}`);
  return shape;
}

/** `axis` counted from the front, for a tensor of shape `x`. */
export function nonNegativeAxis(op: string, x: Shape, axis: number): number {
  const rank = x.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw wrong(op, `no axis ${axis}; got ${show(x)}, expected an axis from ${-rank} to ${rank - 1}`);
  return axis < 0 ? axis + rank : axis;
}

/** The shape that all of `shapes` broadcast to by NumPy's rule. */
export function broadcastShape(op: string, ...shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes)
    for (let i = rank - shape.length, j = 0; i < rank; i++, j++) {
      const n = shape[j] as number;
      if (n === 1 || n === out[i]) continue;
      if (out[i] !== 1) throw wrong(op, `shapes do not broadcast; got ${shapes.map(show).join(", ")}`);
      out[i] = n;
    }
  return out;
}

/** Shape of `reshape(x, to)`: `to` with its -1, if any, worked out. */
export function reshapeShape(x: Shape, to: Shape): Shape {
  const free = to.indexOf(-1);
  const rest = to.toSpliced(free, free < 0 ? 0 : 1);
  checkedShape("reshape", rest);
  const size = elementCount(x);
  // Next to a size of 0 the free axis could be anything: n / 0 is not a whole number, so that is an error, as in NumPy.
  const out = free < 0 ? to : to.with(free, size / elementCount(rest));
  if (!out.every(Number.isInteger) || elementCount(out) !== size)
    throw wrong("reshape", `sizes differ; got ${show(x)} to be ${show(to)}, ${size} elements`);
  return out;
}

/** Shape of `transpose(x, perm)`. */
export function transposeShape(x: Shape, perm: readonly number[]): Shape {
  const axes = perm.map((p) => nonNegativeAxis("transpose", x, p));
  if (new Set(axes).size !== x.length || perm.length !== x.length)
    throw wrong("transpose", `got ${show(x)} and the axes ${show(perm)}, expected each of its axes once`);
  return axes.map((p) => x[p] as number);
}

/** Shape of `slice(x, axis, start, end)`. */
export function sliceShape(x: Shape, axis: number, start: number, end: number): Shape {
  const at = nonNegativeAxis("slice", x, axis);
  if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= (x[at] as number)))
    throw wrong(
      "slice",
      `got ${start} to ${end} on axis ${axis} of ${show(x)}, expected 0 <= start <= end <= ${x[at]}`,
    );
  return x.with(at, end - start);
}

/** Shape of `concat(xs, axis)`. */
export function concatShape(xs: readonly Shape[], axis: number): Shape {
  const [first] = xs;
  if (!first) throw wrong("concat", "got no tensors, expected one or more");
  const at = nonNegativeAxis("concat", first, axis);
  let n = 0;
  for (const x of xs) {
    if (x.length !== first.length || !equalShapes(x.with(at, 0), first.with(at, 0)))
      throw wrong("concat", `got ${xs.map(show).join(", ")}, expected equal sizes except on axis ${axis}`);
    n += x[at] as number;
  }
  return first.with(at, n);
}

/** Shape of `take(x, axis, indices)`. */
export function takeShape(x: Shape, axis: number, indices: readonly number[]): Shape {
  const at = nonNegativeAxis("take", x, axis);
  const n = x[at] as number;
  for (const i of indices)
    if (!Number.isInteger(i) || i < 0 || i >= n)
      throw wrong("take", `no entry ${i} on axis ${axis} of ${show(x)}, expected 0 <= index < ${n}`);
  return x.with(at, indices.length);
}

/** Shape of `sum` or `max`: `x` with size 1 on `axis`. */
export function reduceShape(op: string, x: Shape, axis: number): Shape {
  return x.with(nonNegativeAxis(op, x, axis), 1);
}

/** Shape of `matmul(a, b)`: `[..., m, k] x [..., k, n] -> [..., m, n]`. */
export function matmulShape(a: Shape, b: Shape): Shape {
  if (a.length < 2 || b.length < 2)
    throw wrong("matmul", `got ${show(a)} and ${show(b)}, expected [..., m, k] and [..., k, n]`);
  if (a.at(-1) !== b.at(-2)) throw wrong("matmul", `inner sizes differ; got ${show(a)} and ${show(b)}`);
  const batch = broadcastShape("matmul", a.slice(0, -2), b.slice(0, -2));
  return [...batch, a.at(-2) as number, b.at(-1) as number];
}

const show = (shape: Shape): string => `[${shape.join(", ")}]`;
const wrong = (op: string, message: string): AttentionError => new AttentionError("ATTN_SHAPE", op, message);
