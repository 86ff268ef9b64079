import { linearRegression, linearRegressionLine, median, quantileSorted } from "simple-statistics";

export { meanInterval, studentQuantile } from "./student.ts";

export interface Summary {
  readonly median: number;
  /** The first and third quartile: half of the samples lie between them. */
  readonly q1: number;
  readonly q3: number;
}

export function summary(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  return { median: median(sorted), q1: quantileSorted(sorted, 0.25), q3: quantileSorted(sorted, 0.75) };
}

/** The fit of `value = c * size^exponent`. */
export interface Fit {
  readonly exponent: number;
  /** The standard error of the exponent. */
  readonly error: number;
  /** The smallest and largest size of the fit, and the number of sizes. */
  readonly from: number;
  readonly to: number;
  readonly points: number;
}

/** Below this size, the cost of calling a few dozen operations exceeds the cost of the tokens. */
const SMALLEST = 1024;

/**
 * Returns the growth exponent: least squares of log value on log size. Sizes of at least 1024 are used if there are
 * three of them, otherwise all sizes. Returns null for fewer than three points.
 */
export function growth(points: readonly { readonly size: number; readonly value: number }[]): Fit | null {
  const large = points.filter((p) => p.size >= SMALLEST);
  const used = large.length >= 3 ? large : points;
  if (used.length < 3) return null;
  const logs = used.map((p): [number, number] => [Math.log(p.size), Math.log(p.value)]);
  const { m, b } = linearRegression(logs);
  const line = linearRegressionLine({ m, b });
  const mean = logs.reduce((sum, [x]) => sum + x, 0) / logs.length;
  const residual = logs.reduce((sum, [x, y]) => sum + (y - line(x)) ** 2, 0);
  const lever = logs.reduce((sum, [x]) => sum + (x - mean) ** 2, 0);
  const sizes = used.map((p) => p.size);
  return {
    exponent: m,
    error: Math.sqrt(residual / (logs.length - 2) / lever),
    from: Math.min(...sizes),
    to: Math.max(...sizes),
    points: used.length,
  };
}
