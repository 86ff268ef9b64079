import type { Options } from "@attnkit/core";
import type { Reference } from "@attnkit/core/program";

interface Term {
  readonly v: number;
  /** log of the weight. */
  readonly score: number;
  /** `sum_m |t_m| (m + 1) / w` for the weight `w = sum_m t_m`: how much it amplifies rounding errors of its terms. */
  readonly size: number;
  /** The rounding error of the weight itself, which is the same in numerator and denominator. */
  readonly loss: number;
}

/**
 * Element-wise attention in float64 (Feng 2025, arXiv 2501.05730): `order: "exact"` is eq. 2-3, an even order the
 * series of eq. 5-6, with the weights exp(-k^2) P(2qk) in place of exp(-(q - k)^2) = exp(-q^2) exp(2qk - k^2).
 *
 * Error scale: the exponents 2qk and k^2 lose their sizes, a shifted exponent its depth: that error of a weight is in
 * numerator and denominator, so it counts |v - y| times. The series adds 1 + m roundings for its monomial of degree m,
 * and with negative 2qk its terms cancel, so their absolute sum counts.
 */
export function elementwiseReference({ order = 6 }: Options = {}): Reference {
  return (head) => {
    const rows = head.q.map((q, i) => {
      const keys = head.k.flatMap((k, j) => (head.visible(i, j) ? [{ k, v: head.v[j]!, bias: head.bias(i, j) }] : []));
      return q.map((x, c) => {
        if (typeof order === "number") {
          const cell = average(keys.map(({ k, v }) => truncated(x, k[c]!, v[c]!, order)));
          // The polynomial is evaluated at q / max(1, |q|), so that it cannot overflow, and its logarithm put right.
          return { ...cell, lseScale: cell.lseScale + order * Math.log(Math.max(1, Math.abs(x))) };
        }
        const terms = keys.map(({ k, v, bias }) => exact(x, k[c]!, v[c]!, bias));
        const peak = terms.reduce((most, t) => Math.max(most, t.score), Number.NEGATIVE_INFINITY);
        return average(terms.map((t) => ({ ...t, loss: t.loss + peak - t.score })));
      });
    });
    const all = (name: keyof ReturnType<typeof average>) => rows.map((row) => row.map((cell) => cell[name]));
    return { y: all("y"), scale: all("scale"), lse: all("lse"), lseScale: all("lseScale") };
  };
}

function exact(q: number, k: number, v: number, bias: number): Term {
  return { v, score: 2 * q * k - k ** 2 + bias, size: 1, loss: Math.abs(2 * q * k) + k ** 2 + Math.abs(bias) };
}

/** exp(-k^2) times the first `order + 1` terms of exp(2qk). */
function truncated(q: number, k: number, v: number, order: number): Term {
  let [term, value, absolute, size] = [1, 1, 1, 1];
  for (let m = 1; m <= order; m++) {
    term *= (2 * q * k) / m;
    value += term;
    absolute += Math.abs(term);
    size += Math.abs(term) * (1 + m);
  }
  return { v, score: Math.log(value) - k ** 2, size: size / value, loss: (k ** 2 * absolute) / value };
}

function average(terms: readonly Term[]) {
  if (terms.length === 0) return { y: 0, scale: 0, lse: Number.NEGATIVE_INFINITY, lseScale: 0 };
  const peak = terms.reduce((most, t) => Math.max(most, t.score), Number.NEGATIVE_INFINITY);
  const weights = terms.map((t) => Math.exp(t.score - peak));
  const total = sum(weights);
  const y = sum(terms.map((t, n) => weights[n]! * t.v)) / total;
  const lost = (t: Term) => t.size * (Math.abs(t.v) + Math.abs(y)) + t.loss * Math.abs(t.v - y);
  const scale = sum(terms.map((t, n) => weights[n]! * lost(t))) / total + Math.abs(y);
  const lseScale = sum(terms.map((t, n) => weights[n]! * (t.size + t.loss))) / total;
  return { y, scale, lse: peak + Math.log(total), lseScale };
}

const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);
