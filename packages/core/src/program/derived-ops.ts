import type { Block } from "./block.ts";
import type { CacheOps, Ops } from "./ops.ts";
import { type Dim, isKnown, isKnownShape, minusDim, requireKnown, timesDim } from "./sizes.ts";
import { withGradient } from "./with-gradient.ts";

/** A finite number below every masked or unseen exponent: WGSL may assume that there are no infinities. */
export const EMPTY_EXPONENT = -1e30;
/** Below `EMPTY`, so that a key that is not visible vanishes even beside rows that have seen nothing. */
export const HIDDEN_EXPONENT = -2e30;

/** Returns the size of one axis, a symbolic dimension where a recorded program does not know it. */
export const axisSize = <T>(o: Pick<Ops<T>, "shape">, x: T, axis: number): Dim => o.shape(x).at(axis)!;

/**
 * Returns the size of an axis that a program always knows: heads, channels, features. Throws `ATTN_UNSUPPORTED` if it is a
 * symbolic dimension.
 */
export const knownAxisSize = <T>(o: Pick<Ops<T>, "shape">, x: T, axis: number): number =>
  requireKnown(`the size of axis ${axis}`, axisSize(o, x, axis));

/** The sizes of a tensor of rank 4 in a block: batch and tokens may be symbolic, heads and channels are numbers. */
export type BlockShape = readonly [B: Dim, heads: number, tokens: Dim, channels: number];

/** Returns the sizes of `x [B, H, n, w]`. Throws `ATTN_UNSUPPORTED` if H or w is a symbolic dimension. */
export const blockShape = <T>(o: Ops<T>, x: T): BlockShape => [
  axisSize(o, x, 0),
  knownAxisSize(o, x, 1),
  axisSize(o, x, 2),
  knownAxisSize(o, x, 3),
];

/** The last two axes swapped. */
export function transposeLast<T>(o: Ops<T>, x: T): T {
  const r = o.shape(x).length;
  return o.transpose(x, [...Array(r - 2).keys(), r - 1, r - 2]);
}

/** The values limited to `-limit..limit`, so that nothing that follows overflows; identity inside a mechanism's domain. */
export const clip = <T>(o: Ops<T>, x: T, limit: number): T =>
  withGradient(o, [x], {
    forward: (o, [x]) => {
      const y = o.maximum(o.minimum(x!, limit), -limit);
      return { y, kept: [y] };
    },
    // A third of the operations that the rules of minimum and maximum need, which share the gradient of a tie.
    backward: (o, g, [x], [y]) => [o.where(o.sub(x!, y!), 0, g)],
  });

/** `start, start + 1, ...`, `n` values, as a float tensor of shape `[n]`. */
export const arange = <T>(o: Ops<T>, n: number, start = 0): T =>
  o.constant(
    Array.from({ length: n }, (_, i) => start + i),
    [n],
  );

/** Returns ones for the entries along one axis of x, `[n]`; n may be symbolic. */
export function onesAlong<T>(o: Ops<T>, x: T, axis: number): T {
  const others = o.shape(x).flatMap((_, i) => (i === axis ? [] : [i]));
  const line = others.reduce<T>((y, i) => o.slice(y, i, 0, 1), x);
  return o.reshape(o.where(line, 1, 1), [-1]);
}

/** Returns `0, 1, ...` along one axis of x, `[n]`; a running sum counts them where n is symbolic. */
export function indicesAlong<T>(o: Ops<T>, x: T, axis: number): T {
  const n = axisSize(o, x, axis);
  return isKnown(n) ? arange(o, n) : o.sub(o.cumsum(onesAlong(o, x, axis), 0), 1);
}

/** Lower-triangular ones `[n, n]`: row i sees columns 0..i. */
export const tril = <T>(o: Ops<T>, n: number): T =>
  o.constant(
    Array.from({ length: n * n }, (_, i) => +(i % n <= Math.floor(i / n))),
    [n, n],
  );

/** Zeros of the shape of `x`, but `n` wide along `axis`. */
export function zerosWithSize<T>(o: Ops<T>, x: T, axis: number, n: number): T {
  const shape = o.shape(x);
  const at = axis < 0 ? axis + shape.length : axis;
  if (isKnownShape(shape)) {
    const wide = shape.with(at, n);
    return o.constant(new Float32Array(wide.reduce((a, b) => a * b, 1)), wide);
  }
  const one = o.slice(x, at, 0, 1);
  const wide = shape.map((_, i) => (i === at ? n : 1));
  return o.add(o.where(one, 0, 0), o.constant(new Float32Array(n), wide));
}

/** `before` and `after` extra entries of `value` around one axis. */
export function pad<T>(o: Ops<T>, x: T, axis: number, before: number, after: number, value = 0): T {
  const fill = (n: number) => (value === 0 ? zerosWithSize(o, x, axis, n) : o.add(zerosWithSize(o, x, axis, n), value));
  const parts = [...(before ? [fill(before)] : []), x, ...(after ? [fill(after)] : [])];
  return parts.length === 1 ? x : o.concat(parts, axis);
}

/** Entries moved one place along an axis, the last one gone; in front `first`, one wide, or else `value`. */
export function shiftAlong<T>(o: Ops<T>, x: T, axis: number, first?: T, value = 0): T {
  const none = () => (value === 0 ? zerosWithSize(o, x, axis, 1) : o.add(zerosWithSize(o, x, axis, 1), value));
  const front = first ?? none();
  const n = axisSize(o, x, axis);
  return n === 1 ? front : o.concat([front, o.slice(x, axis, 0, minusDim(n, 1))], axis);
}

/** `a / b`, and 0 where `b` is 0: the value of a row that may attend to nothing. */
export const divideOrZero = <T>(o: Ops<T>, a: T, b: T): T => o.div(a, o.where(b, b, 1));

/** Natural logarithm, and -Infinity at 0 without taking the logarithm of 0 (whose gradient would be NaN). */
export const logOrMinusInfinity = <T>(o: Ops<T>, x: T): T =>
  o.where(x, o.log(o.where(x, x, 1)), Number.NEGATIVE_INFINITY);

/** A block's key mask as 1 and 0, `[B, 1, S, 1]`, or nothing where every key is present. */
export function presentKeys<T>(o: CacheOps<T>, { keyMask }: Block<T>): T | undefined {
  if (keyMask === undefined) return undefined;
  const [b, s] = o.shape(keyMask) as [Dim, Dim];
  return o.reshape(o.where(keyMask, 1, 0), [b, 1, s, 1]);
}

/** `x`, with what `mask` does not keep replaced by `otherwise`; selected, so NaN behind a mask is gone. */
export const replaceAbsent = <T>(o: CacheOps<T>, mask: T | undefined, x: T, otherwise: number): T =>
  mask === undefined ? x : o.where(mask, x, otherwise);

/** v and a column of ones, both 0 for absent keys: `[B, H, S, dv + 1]`. Numerator and denominator become one product. */
export function appendOnes<T>(o: Ops<T>, v: T, mask: T | undefined): T {
  const ones = o.add(zerosWithSize(o, v, -1, 1), 1);
  return replaceAbsent(o, mask, o.concat([v, ones], -1), 0);
}

/** The parts that `withOnes` joined: `[..., dv]` and `[..., 1]`. */
export function splitOnes<T>(o: Ops<T>, x: T): [T, T] {
  const n = knownAxisSize(o, x, -1);
  return [o.slice(x, -1, 0, n - 1), o.slice(x, -1, n - 1, n)];
}

/** Query heads per key head; 1 where there are no heads. */
export const headGroupSize = (hq: number, hkv: number): number => (hkv === 0 ? 1 : hq / hkv);

/** Query heads folded into rows: `[B, Hq, L, w] -> [B, Hkv, Hq / Hkv * L, w]`; head h reads key head floor(h / G). */
export function foldQueryHeads<T>(o: Ops<T>, x: T, hkv: number): T {
  const [b, h, l, w] = o.shape(x) as [Dim, number, Dim, Dim];
  return h === hkv ? x : o.reshape(x, [b, hkv, timesDim(l, headGroupSize(h, hkv)), w]);
}

/** The inverse of `foldHeads`. */
export function unfoldQueryHeads<T>(o: Ops<T>, x: T, hq: number, l: Dim): T {
  const [b, h, , w] = o.shape(x) as [Dim, number, Dim, Dim];
  return h === hq ? x : o.reshape(x, [b, hq, l, w]);
}
