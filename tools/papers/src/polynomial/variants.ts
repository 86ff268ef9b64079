import type { Mechanism } from "@attnkit/core";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";

/** One activation of the scores `s = q.k / sqrt(d)`, as attnkit computes it and as a formula. */
export interface Variant {
  readonly mechanism: Mechanism;
  /** The p of `factor(N) s^p`; absent for softmax. */
  readonly power?: number;
  /** The factor on the power for N keys. Default: 1. */
  factor?(n: number): number;
}

/** `s^p`, with `normalizer: 1`: the weight of a score is its power and nothing else. */
const bare = (power: number): Variant => ({
  mechanism: polynomial({ power, normalizer: 1, form: "quadratic" }),
  power,
});

/** `s^p / sqrt(N)`: attnkit's own count of the keys. */
const scaled = (power: number): Variant => ({
  mechanism: polynomial({ power, form: "quadratic" }),
  power,
  factor: (n) => 1 / Math.sqrt(n),
});

export type Variants = Readonly<Record<string, Variant>>;

/** Softmax and the powers of the paper, each without and with `1 / sqrt(N)`. */
export const VARIANTS: Variants = {
  softmax: { mechanism: softmax() },
  x: bare(1),
  "x/sqrt(N)": scaled(1),
  "x^2": bare(2),
  "x^2/sqrt(N)": scaled(2),
  "x^3": bare(3),
  "x^3/sqrt(N)": scaled(3),
};

/** `alpha s^3` with a factor that does not depend on the number of keys. */
export const cubic = (alpha: number): Variant => ({
  mechanism: polynomial({ power: 3, normalizer: alpha ** -2, form: "quadratic" }),
  power: 3,
  factor: () => alpha,
});

/** Returns the variant of a name. Throws a RangeError on an unknown one. */
export function variantOf(variants: Variants, name: unknown): Variant {
  const found = variants[String(name)];
  if (found) return found;
  throw new RangeError(`polynomial: no activation ${name}; expected one of ${Object.keys(variants).join(", ")}.`);
}
