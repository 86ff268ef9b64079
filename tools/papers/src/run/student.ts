/**
 * Returns the quantile t with P(|T| <= t) = 0.95, where T follows Student's distribution with `freedom` degrees of
 * freedom: half the width of a 95 % interval, in standard errors.
 *
 * @param freedom - A whole number >= 1: the number of samples minus one.
 */
export function studentQuantile(freedom: number): number {
  let [low, high] = [0, 16];
  // Bisection to the last bit: 2^-60 of 16 is below the rounding of float64.
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (within(middle, freedom) < 0.95) low = middle;
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
