import { mean, sampleStandardDeviation } from "simple-statistics";

/** Returns the mean of at least two samples, and Student's interval of it. `level` is that of `studentQuantile`. */
export function meanInterval(samples: readonly number[], level?: number): { mean: number; low: number; high: number } {
  const centre = mean([...samples]);
  const error = sampleStandardDeviation([...samples]) / Math.sqrt(samples.length);
  const half = studentQuantile(samples.length - 1, level) * error;
  return { mean: centre, low: centre - half, high: centre + half };
}

/**
 * Returns the quantile t with P(|T| <= t) = `level`, where T follows Student's distribution with `freedom` degrees of
 * freedom: half the width of an interval of that level, in standard errors.
 *
 * @param freedom - A whole number >= 1: the number of samples minus one.
 * @param level - Above 0 and at most 1 - 1e-9. Default 0.95.
 */
export function studentQuantile(freedom: number, level = 0.95): number {
  let [low, high] = [0, 16];
  while (within(high, freedom) < level) high *= 2;
  // Bisection to the last bit: 2^-60 of the range is below the rounding of float64.
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (within(middle, freedom) < level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(|T| <= t), by the finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4. */
function within(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const odd = freedom % 2 === 1;
  let sum = 0;
  let term = odd ? cos : 1;
  for (let i = odd ? 3 : 2; i <= freedom; i += 2) {
    sum += term;
    term *= (cos * cos * (i - 1)) / i;
  }
  return odd ? (2 / Math.PI) * (angle + sin * sum) : sin * sum;
}
