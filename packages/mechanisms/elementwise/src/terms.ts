import { axisSize, divideOrZero, knownAxisSize, logOrMinusInfinity, type Ops } from "@attnkit/core/program";

/**
 * Returns the size that q and k are limited to in the series of an order, so that no power of a channel overflows:
 * `min(1000, 10^(30 / order))`.
 */
export const seriesLimit = (order: number): number => Math.min(1000, 10 ** (30 / order));

export interface Terms<T> {
  /** `2^p / p! q^p / (1 + q^2)^(order / 2)`, p = 0..order: divided, so that no power of q overflows. (MATH 3.6) */
  readonly powers: readonly T[];
  /** `1 + q^2` */
  readonly divisor: T;
}

export function termsOf<T>(o: Ops<T>, q: T, order: number): Terms<T> {
  const divisor = o.add(o.mul(q, q), 1);
  const inverse = o.div(1, divisor);
  let term = inverse;
  for (let p = 1; p < order / 2; p++) term = o.mul(term, inverse);
  const powers = [term];
  for (let p = 1; p <= order; p++) {
    term = o.mul(o.mul(term, q), 2 / p);
    powers.push(term);
  }
  return { powers, divisor };
}

/** The numerator and the denominator of every row. */
export interface Fraction<T> {
  readonly numerator: T;
  readonly denominator: T;
}

/** Reads sums that lie in 2 w tensors, each of which broadcasts to the shape of the terms. */
export function readSums<T>(o: Ops<T>, { powers }: Terms<T>, sums: readonly T[]): Fraction<T> {
  const read = (from: number) => {
    const [first, ...others] = powers.map((term, p) => o.mul(term, sums[from + p]!));
    return others.reduce((a, b) => o.add(a, b), first!);
  };
  return { numerator: read(0), denominator: read(powers.length) };
}

/** Reads the same sums `s [N, 2 w, d]` in every row of terms `[N, G, L, d]`. */
export function readOne<T>(o: Ops<T>, terms: Terms<T>, s: T): Fraction<T> {
  const [N, d] = [axisSize(o, s, 0), knownAxisSize(o, s, 2)];
  const w = terms.powers.length;
  if (axisSize(o, terms.divisor, 2) !== 1) {
    const row = (p: number) => o.reshape(o.slice(s, 1, p, p + 1), [N, 1, 1, d]);
    return readSums(
      o,
      terms,
      Array.from({ length: 2 * w }, (_, p) => row(p)),
    );
  }
  // For a single row the powers form the axis that is summed over, so that a decode step has few operations.
  const powers = o.concat(terms.powers, 2); // [N, G, w, d]
  const sums = o.reshape(s, [N, 1, 2 * w, d]);
  const read = (from: number) => o.sum(o.mul(powers, o.slice(sums, 2, from, from + w)), 2);
  return { numerator: read(0), denominator: read(w) };
}

/** Returns y and, if it is wanted, lse for a fraction that is relative to `exp(exponent)`. */
export function answer<T>(
  o: Ops<T>,
  { numerator, denominator }: Fraction<T>,
  exponent: T,
  { terms, lse, everyRowSeesKeys }: { terms: Terms<T>; lse: boolean; everyRowSeesKeys: boolean },
): { y: T; lse?: T } {
  // The denominator of a row that sees a key is above 0: the series of an even order is, and one key has the weight 1.
  const y = everyRowSeesKeys ? o.div(numerator, denominator) : divideOrZero(o, numerator, denominator);
  if (!lse) return { y };
  const divided = o.mul(o.log(terms.divisor), (terms.powers.length - 1) / 2);
  const logs = o.add(o.add(logOrMinusInfinity(o, denominator), exponent), divided);
  return { y, lse: o.where(denominator, logs, Number.NEGATIVE_INFINITY) };
}
