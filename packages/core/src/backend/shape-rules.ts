import { AttentionError } from "../program/errors.ts";
import type { Shape } from "../program/ops.ts";
import type { Dim, SymbolicShape } from "../program/sizes.ts";
import { describeValue } from "./describe.ts";

/** Shape rules of the primitives, for every backend. A function throws `ATTN_SHAPE` if its arguments break its rule. */

/** Returns whether two shapes have the same rank and the same sizes. */
export const equalShapes = (a: SymbolicShape, b: SymbolicShape): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/**
 * Returns the number of elements. The shape `[]` is a scalar with one element.
 * @example
 * ```ts
 * elementCount([2, 3]); // 6
 * ```
 */
export function elementCount(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/**
 * Returns `shape` if every size is an integer >= 0.
 * @param op The operation, named in the error.
 * @throws `ATTN_SHAPE` if a size is not an integer >= 0, or if `shape` is not an array.
 * @example
 * ```ts
 * checkedShape("zeros", [2, -1]); // throws ATTN_SHAPE
 * ```
 */
export function checkedShape(op: string, shape: Shape): Shape {
  if ((Array.isArray(shape) || ArrayBuffer.isView(shape)) && [...shape].every((n) => isUpTo(n))) return shape;
  throw wrong(
    op,
    Array.isArray(shape) ? `[${Array.from(shape, describeValue).join(", ")}]` : describeValue(shape),
    "an array of sizes >= 0, such as [2, 3]",
  );
}

/**
 * Returns `shape` if it holds `length` values. Backends call it in `constant` and `upload`.
 * @throws `ATTN_DATA` if the number of elements is not `length`; `ATTN_SHAPE` if `shape` is invalid.
 * @example
 * ```ts
 * dataShape("constant", 6, [2, 3]); // [2, 3]
 * ```
 */
export function dataShape(op: string, length: number, shape: Shape): Shape {
  const size = elementCount(checkedShape(op, shape));
  if (length !== size)
    throw new AttentionError("ATTN_DATA", op, `got ${length} values for the shape ${show(shape)}, expected ${size}`);
  return shape;
}

/** `axis` counted from the front, for a tensor of shape `x`. */
export function nonNegativeAxis(op: string, x: SymbolicShape, axis: number): number {
  const at = axis < 0 ? axis + x.length : axis;
  if (isUpTo(at, x.length - 1)) return at;
  throw wrong(op, `axis ${axis} of ${show(x)}`, `an axis from ${-x.length} to ${x.length - 1}`);
}

/**
 * Returns the shape that all of `shapes` broadcast to by NumPy's rule.
 * @throws `ATTN_SHAPE` if two sizes of an axis differ and neither is 1.
 * @example
 * ```ts
 * broadcastShape("add", [2, 1], [3]); // [2, 3]
 * ```
 */
export function broadcastShape(op: string, ...shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes)
    for (let i = rank - shape.length, j = 0; i < rank; i++, j++) {
      const n = shape[j] as number;
      if (n === 1 || n === out[i]) continue;
      if (out[i] !== 1) throw wrong(op, shapes.map(show).join(", "), "shapes that broadcast");
      out[i] = n;
    }
  return out;
}

/**
 * Returns the shape of `reshape(x, to)`: `to`, with a size of -1 replaced by the size that keeps the number of
 * elements.
 * @throws `ATTN_SHAPE` if the numbers of elements differ.
 * @example
 * ```ts
 * reshapeShape([2, 6], [3, -1]); // [3, 4]
 * ```
 */
export function reshapeShape(x: Shape, to: Shape): Shape {
  const free = to.indexOf(-1);
  const rest = to.toSpliced(free, free < 0 ? 0 : 1);
  checkedShape("reshape", rest);
  const size = elementCount(x);
  // Beside a size of 0, a size of -1 is undetermined. As in NumPy, this is an error: 0 / 0 and n / 0 are not integers.
  const out = free < 0 ? to : to.with(free, size / elementCount(rest));
  if (!out.every(Number.isInteger) || elementCount(out) !== size)
    throw wrong("reshape", `${show(x)} to ${show(to)}`, `${size} elements`);
  return out;
}

/** Shape of `transpose(x, perm)`. */
export function transposeShape<D extends Dim>(x: readonly D[], perm: readonly number[]): readonly D[] {
  const axes = perm.map((p) => nonNegativeAxis("transpose", x, p));
  if (new Set(axes).size !== x.length || perm.length !== x.length)
    throw wrong("transpose", `axes ${show(perm)} of ${show(x)}`, "each axis once");
  return axes.map((p) => x[p] as D);
}

/** Shape of `slice(x, axis, start, end)`. */
export function sliceShape<D extends Dim>(
  x: readonly D[],
  axis: number,
  start: number,
  end: number,
): readonly (D | number)[] {
  const at = nonNegativeAxis("slice", x, axis);
  if (!isUpTo(end, x[at] as number) || !isUpTo(start, end))
    throw wrong("slice", `${start} to ${end} on axis ${axis} of ${show(x)}`, `0 <= start <= end <= ${x[at]}`);
  return (x as readonly (D | number)[]).with(at, end - start);
}

/**
 * Returns the shape of `concat(xs, axis)`: the sizes on `axis` are added.
 * @throws `ATTN_SHAPE` if there are no tensors, or if other sizes differ.
 * @example
 * ```ts
 * concatShape([[2, 3], [2, 1]], 1); // [2, 4]
 * ```
 */
export function concatShape(xs: readonly Shape[], axis: number): Shape {
  const [first] = xs;
  if (!first) throw wrong("concat", "no tensors", "one or more");
  const at = nonNegativeAxis("concat", first, axis);
  let n = 0;
  for (const x of xs) {
    if (x.length !== first.length || !equalShapes(x.with(at, 0), first.with(at, 0)))
      throw wrong("concat", xs.map(show).join(", "), `equal sizes except on axis ${axis}`);
    n += x[at] as number;
  }
  return first.with(at, n);
}

/** Shape of `take(x, axis, indices)`. */
export function takeShape<D extends Dim>(
  x: readonly D[],
  axis: number,
  indices: readonly number[],
): readonly (D | number)[] {
  const at = nonNegativeAxis("take", x, axis);
  const n = x[at] as number;
  for (const i of indices)
    if (!isUpTo(i, n - 1)) throw wrong("take", `index ${i} on axis ${axis} of ${show(x)}`, `0 <= index < ${n}`);
  return (x as readonly (D | number)[]).with(at, indices.length);
}

/** Shape of `sum` or `max`: `x` with size 1 on `axis`. */
export function reduceShape<D extends Dim>(op: string, x: readonly D[], axis: number): readonly (D | number)[] {
  return (x as readonly (D | number)[]).with(nonNegativeAxis(op, x, axis), 1);
}

/**
 * Returns the shape of `matmul(a, b)`: `[..., m, k] x [..., k, n] -> [..., m, n]`. Leading axes broadcast.
 * @throws `ATTN_SHAPE` if a rank is below 2, the inner sizes differ, or the leading axes do not broadcast.
 * @example
 * ```ts
 * matmulShape([8, 2, 3], [3, 5]); // [8, 2, 5]
 * ```
 */
export function matmulShape(a: Shape, b: Shape): Shape {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2))
    throw wrong("matmul", `${show(a)} and ${show(b)}`, "[..., m, k] and [..., k, n]");
  const batch = broadcastShape("matmul", a.slice(0, -2), b.slice(0, -2));
  return [...batch, a.at(-2) as number, b.at(-1) as number];
}

const show = (shape: SymbolicShape): string => `[${shape.join(", ")}]`;
const wrong = (op: string, got: string, expected: string): AttentionError =>
  new AttentionError("ATTN_SHAPE", op, `got ${got}, expected ${expected}`);
/** Returns whether `n` is an integer from 0 to `most`. */
const isUpTo = (n: number, most = Number.POSITIVE_INFINITY): boolean => Number.isInteger(n) && n >= 0 && n <= most;
