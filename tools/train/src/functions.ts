import { arange, knownAxisSize, type Ops, type WithGradient, withGradient } from "@attnkit/core/program";

/** Added to a mean square before its root, so that a row of zeros stays one. */
const EPSILON = 1e-5;

/** Returns `x^power` for x > 0. `Ops` has no root. */
export const powerOf = <T>(o: Ops<T>, x: T, power: number): T => o.exp(o.mul(o.log(x), power));

/** Returns `x / sqrt(mean(x^2) + 1e-5) * gain` over the last axis (Zhang and Sennrich 2019, eq. 4). `gain [n]`. */
export const rootMeanSquareNorm = <T>(o: Ops<T>, x: T, gain: T): T => o.mul(withGradient(o, [x], UNIT_SQUARE), gain);

/** Returns `(x - mean) / sqrt(variance + 1e-5) * gain + bias` over the last axis (Ba et al. 2016). `gain`, `bias [n]`. */
export const meanVarianceNorm = <T>(o: Ops<T>, x: T, gain: T, bias: T): T =>
  o.add(o.mul(withGradient(o, [x], UNIT_VARIANCE), gain), bias);

/** The mean over the last axis, which is kept with size 1. */
const rowMean = <T>(o: Ops<T>, x: T): T => o.mul(o.sum(x, -1), 1 / knownAxisSize(o, x, -1));

/** `y = x r` with `r = (mean(x^2) + 1e-5)^(-1/2)`; `dx = r (g - y mean(g y))`. */
const UNIT_SQUARE: WithGradient = {
  forward(o, [x]) {
    const r = powerOf(o, o.add(rowMean(o, o.mul(x!, x!)), EPSILON), -0.5);
    const y = o.mul(x!, r);
    return { y, kept: [y, r] };
  },
  backward: (o, g, _, [y, r]) => [o.mul(o.sub(g, o.mul(y!, rowMean(o, o.mul(g, y!)))), r!)],
};

/** `y = (x - mean) r` with `r = (variance + 1e-5)^(-1/2)`; `dx = r (g - mean(g) - y mean(g y))`. */
const UNIT_VARIANCE: WithGradient = {
  forward(o, [x]) {
    const centred = o.sub(x!, rowMean(o, x!));
    const r = powerOf(o, o.add(rowMean(o, o.mul(centred, centred)), EPSILON), -0.5);
    const y = o.mul(centred, r);
    return { y, kept: [y, r] };
  },
  backward(o, g, _, [y, r]) {
    const along = o.mul(y!, rowMean(o, o.mul(g, y!)));
    return [o.mul(o.sub(o.sub(g, rowMean(o, g)), along), r!)];
  },
};

/**
 * Returns `x [..., m] @ matrix [m, n] + bias [n]` as one tall product, so that the gradient of the matrix is one product
 * too. Without `bias` nothing is added.
 */
export function project<T>(o: Ops<T>, x: T, matrix: T, bias?: T): T {
  const shape = o.shape(x);
  const [m, n] = o.shape(matrix) as [number, number];
  const product = o.matmul(o.reshape(x, [-1, m]), matrix);
  return o.reshape(bias === undefined ? product : o.add(product, bias), [...shape.slice(0, -1), n]);
}

/** Returns `max(x, 0)`. The gradient at 0 is 0 (on a backend's own tape it is half). */
export const relu = <T>(o: Ops<T>, x: T): T => withGradient(o, [x], RELU);

const RELU: WithGradient = {
  forward(o, [x]) {
    const y = o.maximum(x!, 0);
    return { y, kept: [y] };
  },
  backward: (o, g, _, [y]) => [o.where(y!, g, 0)],
};

/** Returns `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))` (Hendrycks and Gimpel 2016). */
export const gelu = <T>(o: Ops<T>, x: T): T => withGradient(o, [x], GELU);

/** The argument of tanh is `x (A + B x^2)`. */
const A = Math.sqrt(2 / Math.PI);
const B = 0.044715 * A;

/** `y = x h` with `h = (1 + tanh(u)) / 2`; `dx = g (h + y (1 - h) 2 du/dx)`, because `dh/du = 2 h (1 - h)`. */
const GELU: WithGradient = {
  forward(o, [x]) {
    const square = o.mul(x!, x!);
    const h = o.add(o.mul(o.tanh(o.mul(x!, o.add(o.mul(square, B), A))), 0.5), 0.5);
    const y = o.mul(x!, h);
    return { y, kept: [h, square, y] };
  },
  backward(o, g, _, [h, square, y]) {
    const slope = o.add(o.mul(square!, 6 * B), 2 * A);
    return [o.mul(g, o.add(h!, o.mul(o.sub(y!, o.mul(y!, h!)), slope)))];
  },
};

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
