import { axisSize, knownAxisSize, transposeLast, zerosWithSize } from "../program/derived-ops.ts";
import type { Ops } from "../program/ops.ts";
import { type Dim, plusDim, requireKnown, type SymbolicShape } from "../program/sizes.ts";
import { elementCount, nonNegativeAxis } from "./shape-rules.ts";

/** Maps the gradient of a result to the gradient of one operand, before `unbroadcast`. */
export type GradientRule<T> = (g: T) => T;

/** For every primitive: from its result `y` and its arguments to one gradient per operand, masks left out. */
export type GradientRules<T, D extends Dim = Dim> = {
  readonly [Op in Exclude<keyof Ops<T>, "dtype" | "shape" | "constant" | "store">]: (
    y: T,
    ...args: Parameters<Ops<T, D>[Op]>
  ) => readonly GradientRule<T>[];
};

/**
 * Returns the gradient rule of every primitive. Rules use primitives only.
 * @example
 * ```ts
 * const [toOperand] = gradientRules(o).exp(y, x); // toOperand(g) is g y
 * ```
 */
export function gradientRules<T>(o: Ops<T>): GradientRules<T> {
  const neg = (x: T) => o.mul(x, -1);
  /**
   * Returns the gradient of operand `a` of a maximum or minimum: g where only `a` was chosen, g / 2 where a = b, else
   * 0.
   */
  const chosen = (y: T, a: T | number, b: T | number) => (g: T) =>
    o.where(o.sub(a, y), 0, o.where(o.sub(b, y), g, o.mul(g, 0.5)));
  return {
    add: () => [(g) => g, (g) => g],
    sub: () => [(g) => g, neg],
    mul: (_, a, b) => [(g) => o.mul(g, b), (g) => o.mul(g, a)],
    div: (y, _, b) => [(g) => o.div(g, b), (g) => neg(o.mul(o.div(g, b), y))],
    maximum: (y, a, b) => [chosen(y, a, b), chosen(y, b, a)],
    minimum: (y, a, b) => [chosen(y, a, b), chosen(y, b, a)],
    // `where` instead of a product: entries that were not chosen get exactly 0, even if g is infinite or NaN.
    where: (_, mask) => [(g) => o.where(mask, g, 0), (g) => o.where(mask, 0, g)],

    exp: (y) => [(g) => o.mul(g, y)],
    log: (_, x) => [(g) => o.div(g, x)],
    tanh: (y) => [(g) => o.mul(g, o.sub(1, o.mul(y, y)))],

    sum: (_, x) => [(g) => o.where(x, g, g)], // broadcasts g to the shape of x; both branches are g
    max: (y, x, axis) => [
      (g) => {
        const below = o.sub(x, y);
        return o.where(below, 0, o.div(g, o.sum(o.where(below, 0, 1), axis)));
      },
    ],
    // `sum(g) - cumsum(g) + g` loses accuracy if the sum is large. A cumsum over the reversed axis does not.
    cumsum: (_, x, axis) => [
      (g) => {
        const backward = [...Array(knownAxisSize(o, x, axis)).keys()].reverse();
        return o.take(o.cumsum(o.take(g, axis, backward), axis), axis, backward);
      },
    ],
    matmul: (_, a, b) => [(g) => o.matmul(g, transposeLast(o, b)), (g) => o.matmul(transposeLast(o, a), g)],

    reshape: (_, x) => [(g) => o.reshape(g, o.shape(x))],
    transpose: (_, x, perm) => [(g) => o.transpose(g, inverse(perm, o.shape(x).length))],
    slice: (_, x, axis, start, end) => [
      (g) => {
        const none = (from: Dim, to: Dim) => (from === to ? [] : [zerosLike(o, o.slice(x, axis, from, to))]);
        return o.concat([...none(0, start), g, ...none(end, axisSize(o, x, axis))], axis);
      },
    ],
    concat(_, xs, axis) {
      let end: Dim = 0;
      return xs.map((x) => {
        const start = end;
        const stop = plusDim(start, axisSize(o, x, axis));
        end = stop;
        return (g) => o.slice(g, axis, start, stop);
      });
    },
    take: (_, x, axis, indices) => [(g) => scatter(o, g, axis, indices, knownAxisSize(o, x, axis))],
  };
}

/**
 * Returns zeros in the shape of `x`, even if `x` holds NaN or infinities.
 * @example
 * ```ts
 * const none = zerosLike(o, x);
 * ```
 */
export const zerosLike = <T>(o: Ops<T>, x: T): T => o.where(x, 0, 0);

/** `g` summed to `shape` over the axes along which that shape was broadcast. */
export function unbroadcast<T>(o: Ops<T>, g: T, shape: SymbolicShape): T {
  let out = g;
  const extra = o.shape(g).length - shape.length;
  o.shape(g).forEach((n, i) => {
    if (n !== 1 && (i < extra || shape[i - extra] === 1)) out = o.sum(out, i);
  });
  return extra > 0 ? o.reshape(out, shape) : out;
}

function inverse(perm: readonly number[], rank: number): number[] {
  const out = new Array<number>(rank);
  perm.forEach((p, i) => {
    out[p < 0 ? p + rank : p] = i;
  });
  return out;
}

/** Transposes `take`: adds entry i of `g` to entry `indices[i]` of `n` zeros. */
function scatter<T>(o: Ops<T>, g: T, axis: number, indices: readonly number[], n: number): T {
  if (new Set(indices).size === indices.length) {
    const source = new Array<number>(n).fill(indices.length); // the appended entry is 0
    indices.forEach((to, from) => {
      source[to] = from;
    });
    return o.take(o.concat([g, zerosWithSize(o, g, axis, 1)], axis), axis, source);
  }
  const hot = new Float32Array(n * indices.length);
  indices.forEach((to, from) => {
    hot[to * indices.length + from] = 1;
  });
  const shape = o.shape(g).map((n) => requireKnown("the gradient of take", n));
  const at = nonNegativeAxis("take", shape, axis);
  const blocks = o.reshape(g, [elementCount(shape.slice(0, at)), indices.length, elementCount(shape.slice(at + 1))]);
  return o.reshape(o.matmul(o.constant(hot, [n, indices.length]), blocks), shape.with(at, n));
}
