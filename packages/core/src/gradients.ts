import { dim, mT } from "./derived.ts";
import type { Ops, Shape } from "./ops.ts";

/** From the gradient of a result to that of one operand, up to broadcasting (see `unbroadcast`). */
export type Gradient<T> = (g: T) => T;

type Operand<T> = T | number;

/** The gradient of every primitive, from its operands `a b` or `x`, its result `y` and the gradient `g` of the result. */
export function gradients<T>(o: Ops<T>) {
  const neg = (x: T) => o.mul(x, -1);
  /** What reaches operand `a` of a maximum or minimum: all where it alone was chosen, half of a tie, else nothing. */
  const chosen =
    (a: Operand<T>, b: Operand<T>, y: T): Gradient<T> =>
    (g) =>
      o.where(o.sub(a, y), 0, o.where(o.sub(b, y), g, o.mul(g, 0.5)));
  const either = (a: Operand<T>, b: Operand<T>, y: T) => [chosen(a, b, y), chosen(b, a, y)];
  return {
    add: (): Gradient<T>[] => [(g) => g, (g) => g],
    sub: (): Gradient<T>[] => [(g) => g, neg],
    mul: (a: Operand<T>, b: Operand<T>): Gradient<T>[] => [(g) => o.mul(g, b), (g) => o.mul(g, a)],
    div: (_: Operand<T>, b: Operand<T>, y: T): Gradient<T>[] => [(g) => o.div(g, b), (g) => neg(o.div(o.mul(g, y), b))],
    maximum: either,
    minimum: either,
    /** Selected like the values: what was not chosen gets an exact 0, whatever the gradient. */
    where: (mask: T): Gradient<T>[] => [(g) => o.where(mask, g, 0), (g) => o.where(mask, 0, g)],

    exp:
      (_: T, y: T): Gradient<T> =>
      (g) =>
        o.mul(g, y),
    log:
      (x: T): Gradient<T> =>
      (g) =>
        o.div(g, x),
    tanh:
      (_: T, y: T): Gradient<T> =>
      (g) =>
        o.mul(g, o.sub(1, o.mul(y, y))),

    sum:
      (x: T): Gradient<T> =>
      (g) =>
        o.where(x, g, g), // g in the shape of x, whatever x holds
    max:
      (x: T, y: T, axis: number): Gradient<T> =>
      (g) => {
        const below = o.sub(x, y);
        return o.where(below, 0, o.div(g, o.sum(o.where(below, 0, 1), axis)));
      },
    /** `total - cumsum(g) + g` would be as exact as the total, not as the entry: turn the axis around instead. */
    cumsum:
      (x: T, _: T, axis: number): Gradient<T> =>
      (g) => {
        const backward = Array.from({ length: dim(o, x, axis) }, (_, i, n = dim(o, x, axis)) => n - 1 - i);
        return o.take(o.cumsum(o.take(g, axis, backward), axis), axis, backward);
      },

    transpose: (perm: readonly number[]): Gradient<T> => {
      const inverse: number[] = [];
      perm.forEach((p, i) => {
        inverse[p < 0 ? p + perm.length : p] = i;
      });
      return (g) => o.transpose(g, inverse);
    },
    slice:
      (x: T, axis: number, start: number, end: number): Gradient<T> =>
      (g) => {
        const n = dim(o, x, axis);
        const zeros = (from: number, to: number) => (from < to ? [zerosLike(o, o.slice(x, axis, from, to))] : []);
        return o.concat([...zeros(0, start), g, ...zeros(end, n)], axis);
      },
    concat(xs: readonly T[], axis: number): Gradient<T>[] {
      let end = 0;
      return xs.map((x) => {
        const start = end;
        end += dim(o, x, axis);
        return (g) => o.slice(g, axis, start, start + dim(o, x, axis));
      });
    },
    take:
      (x: T, axis: number, indices: readonly number[]): Gradient<T> =>
      (g) =>
        scatter(o, g, axis, indices, dim(o, x, axis)),
    matmul: (a: T, b: T): Gradient<T>[] => [(g) => o.matmul(g, mT(o, b)), (g) => o.matmul(mT(o, a), g)],
  };
}

/** Zeros of the shape of `x`, without looking at its values. */
export const zerosLike = <T>(o: Ops<T>, x: T): T => o.where(x, 0, 0);

/** `g` summed to `shape` over the axes along which that shape was broadcast. */
export function unbroadcast<T>(o: Ops<T>, g: T, shape: Shape): T {
  let out = g;
  const extra = o.shape(g).length - shape.length;
  o.shape(g).forEach((n, i) => {
    if (n !== 1 && (i < extra || shape[i - extra] === 1)) out = o.sum(out, i);
  });
  return extra > 0 ? o.reshape(out, shape) : out;
}

/** The transpose of `take`: entry i of `g` is added to entry `indices[i]` of `n` zeros. */
function scatter<T>(o: Ops<T>, g: T, axis: number, indices: readonly number[], n: number): T {
  const source = new Array<number>(n).fill(indices.length); // the entry after the last is 0
  indices.forEach((to, from) => {
    source[to] = from;
  });
  const zero = zerosLike(o, o.slice(g, axis, 0, 1));
  if (new Set(indices).size === indices.length) return o.take(o.concat([g, zero], axis), axis, source);
  const last = o.shape(g).length - 1;
  const swap = [...o.shape(g).keys()];
  const at = axis < 0 ? axis + last + 1 : axis;
  [swap[at], swap[last]] = [last, at];
  const hot = new Float32Array(indices.length * n);
  indices.forEach((to, from) => {
    hot[from * n + to] = 1;
  });
  const rows = o.matmul(o.transpose(g, swap), o.constant(hot, [indices.length, n]));
  return o.transpose(rows, swap);
}
