import { arange, knownAxisSize, type Ops } from "@attnkit/core/program";

/** Added to a mean square before its root, so that a row of zeros stays one. */
const EPSILON = 1e-5;

/** Returns `x^power` for x > 0. `Ops` has no root. */
export const powerOf = <T>(o: Ops<T>, x: T, power: number): T => o.exp(o.mul(o.log(x), power));

/** Returns `x / sqrt(mean(x^2) + 1e-5) * gain` over the last axis (Zhang and Sennrich 2019, eq. 4). `gain [n]`. */
export function rootMeanSquareNorm<T>(o: Ops<T>, x: T, gain: T): T {
  const n = knownAxisSize(o, x, -1);
  const mean = o.add(o.mul(o.sum(o.mul(x, x), -1), 1 / n), EPSILON);
  return o.mul(o.mul(x, powerOf(o, mean, -0.5)), gain);
}

/** Returns `(x - mean) / sqrt(variance + 1e-5) * gain + bias` over the last axis (Ba et al. 2016). `gain`, `bias [n]`. */
export function meanVarianceNorm<T>(o: Ops<T>, x: T, gain: T, bias: T): T {
  const n = knownAxisSize(o, x, -1);
  const centred = o.sub(x, o.mul(o.sum(x, -1), 1 / n));
  const variance = o.add(o.mul(o.sum(o.mul(centred, centred), -1), 1 / n), EPSILON);
  return o.add(o.mul(o.mul(centred, powerOf(o, variance, -0.5)), gain), bias);
}

/** Returns `x [..., m] @ matrix [m, n]` as one tall product, so that the gradient of the matrix is one product too. */
export function project<T>(o: Ops<T>, x: T, matrix: T): T {
  const shape = o.shape(x);
  const [m, n] = o.shape(matrix) as [number, number];
  return o.reshape(o.matmul(o.reshape(x, [-1, m]), matrix), [...shape.slice(0, -1), n]);
}

/** Returns `max(x, 0)`. */
export const relu = <T>(o: Ops<T>, x: T): T => o.maximum(x, 0);

/** Returns `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))` (Hendrycks and Gimpel 2016). */
export function gelu<T>(o: Ops<T>, x: T): T {
  const inner = o.mul(o.mul(x, o.add(o.mul(o.mul(x, x), 0.044715), 1)), Math.sqrt(2 / Math.PI));
  return o.mul(o.mul(x, 0.5), o.add(o.tanh(inner), 1));
}

/** Returns one-hot rows `[..., classes]` for whole numbers `[...]` held as floats; other numbers give a row of zeros. */
export function oneHot<T>(o: Ops<T>, indices: T, classes: number): T {
  const column = o.reshape(indices, [...o.shape(indices), 1]);
  return o.where(o.sub(column, arange(o, classes)), 0, 1);
}

/** Returns the square root of the sum of squares of all values, `[1]`. The gradient at 0 is finite. */
export function frobeniusNorm<T>(o: Ops<T>, x: T): T {
  const row = o.reshape(x, [-1]);
  return powerOf(o, o.add(o.sum(o.mul(row, row), 0), 1e-30), 0.5);
}

/** Returns the mean of all values, `[1]`. */
export function meanOf<T>(o: Ops<T>, x: T): T {
  const row = o.reshape(x, [-1]);
  return o.mul(o.sum(row, 0), 1 / knownAxisSize(o, row, 0));
}
