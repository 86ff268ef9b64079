import { linearRegression, linearRegressionLine, median, quantileSorted } from "simple-statistics";

export interface Summary {
  readonly median: number;
  /** First and third quartile: half of the samples lie between them. */
  readonly q1: number;
  readonly q3: number;
}

export function summary(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  return { median: median(sorted), q1: quantileSorted(sorted, 0.25), q3: quantileSorted(sorted, 0.75) };
}

/** `value = c * size^exponent`, fitted. */
export interface Fit {
  readonly exponent: number;
  /** Standard error of the exponent. */
  readonly error: number;
  /** The range of sizes it was fitted over, and how many sizes there were. */
  readonly from: number;
  readonly to: number;
  readonly points: number;
}

/** Sizes below this are dominated by the cost of calling a few dozen operations, not by the tokens. */
const SMALLEST = 1024;

/**
 * Growth exponent by least squares of log value on log size, over sizes of at least 1024 where there are three of
 * them, over all sizes otherwise; nothing for fewer than three points.
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
