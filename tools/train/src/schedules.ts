/** The learning rate of a step, which counts from 0. */
export type Schedule = (step: number) => number;

/** Returns the rate `rate`, after `warmup` steps in which it rises in a straight line. Default: no warm-up. */
export const constant =
  (rate: number, { warmup = 0 }: { readonly warmup?: number } = {}): Schedule =>
  (step) =>
    rate * rise(step, warmup);

/** Returns a rise over `warmup` steps, then a half cosine down to `floor` at step `steps`. Default: no warm-up, floor 0. */
export const cosine =
  (
    rate: number,
    { steps, warmup = 0, floor = 0 }: { readonly steps: number; readonly warmup?: number; readonly floor?: number },
  ): Schedule =>
  (step) => {
    if (step < warmup) return rate * rise(step, warmup);
    return between(rate, floor, (step - warmup) / Math.max(1, steps - warmup));
  };

/**
 * Returns one cycle (Smith and Topin 2017): a half cosine from `rate / 25` up to `rate` in the first `rising` share of
 * the steps, then down to `rate / 250000`. Default of `rising`: 0.3.
 */
export const oneCycle =
  (rate: number, { steps, rising = 0.3 }: { readonly steps: number; readonly rising?: number }): Schedule =>
  (step) => {
    const top = Math.max(1, rising * steps - 1);
    return step <= top
      ? between(rate / 25, rate, step / top)
      : between(rate, rate / 250_000, (step - top) / Math.max(1, steps - 1 - top));
  };

const rise = (step: number, warmup: number): number => Math.min(1, (step + 1) / Math.max(1, warmup));

/** A half cosine from `a` at 0 to `b` at 1 and beyond. */
const between = (a: number, b: number, share: number): number =>
  b + (a - b) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, share)));
