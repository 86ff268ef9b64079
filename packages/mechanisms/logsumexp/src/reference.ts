import type { Options } from "@attnkit/core";
import type { Matrix, Reference } from "@attnkit/core/program";

interface Term {
  readonly v: readonly number[];
  /** log of the key's weight: LSE over channels of q_c + k_c. */
  readonly score: number;
  /** Error of the score in units of u. */
  readonly size: number;
}

/**
 * Log-sum-exp attention in float64 (Heinsen 2024, arXiv 2404.05843, eq. 1-3), shifted row by row. With `logValues`
 * the values are log V and the outputs log Y, as the paper's code has them.
 *
 * Error scale: every exponential of q_c + k_c loses |q_c| + |k_c| units, and shifting it to the row's peak its depth
 * below the peak; a weight adds up its channels. Numerator and denominator share the weights' errors, which so count
 * |v - y| times. A logarithm loses what its argument loses, relative to it.
 */
export function logsumexpReference({ logValues = false }: Options = {}): Reference {
  return (head) => {
    const rows = head.q.map((q, i) => {
      const terms = head.k.flatMap((k, j) => (head.visible(i, j) ? [{ v: head.v[j]!, ...pair(q, k) }] : []));
      return logValues ? logMean(terms, head.v) : mean(terms, head.v);
    });
    const result = { y: rows.map((r) => r.y), scale: rows.map((r) => r.scale) };
    return { ...result, lse: rows.map((r) => r.lse), lseScale: rows.map((r) => r.lseScale) };
  };
}

function pair(q: readonly number[], k: readonly number[]): Omit<Term, "v"> {
  const exponents = q.map((x, c) => x + k[c]!);
  const score = logSumExp(exponents);
  const peak = Math.max(...exponents);
  const sizes = exponents.map((x, c) => Math.exp(x - score) * (Math.abs(q[c]!) + Math.abs(k[c]!) + peak - x));
  return { score, size: sum(sizes) };
}

function mean(terms: readonly Term[], values: Matrix) {
  const peak = terms.reduce((most, t) => Math.max(most, t.score), Number.NEGATIVE_INFINITY);
  const weights = terms.map((t) => Math.exp(t.score - peak));
  const total = Math.max(1, sum(weights)); // the peak counts 1; 1 where there are no keys
  const y = (values[0] ?? []).map((_, f) => sum(terms.map((t, n) => weights[n]! * t.v[f]!)) / total);
  const scale = y.map((out, f) => {
    const parts = terms.map(({ v, score, size }, n) => {
      const value = v[f]!;
      return weights[n]! * (Math.abs(value) + Math.abs(out) + (size + peak - score) * Math.abs(value - out));
    });
    return sum(parts) / total + Math.abs(out);
  });
  return { y, scale, lse: logSumExp(terms.map((t) => t.score)), lseScale: loss(terms) };
}

function logMean(terms: readonly Term[], values: Matrix) {
  const lse = logSumExp(terms.map((t) => t.score));
  const lseScale = loss(terms);
  const cells = (values[0] ?? []).map((_, f) => {
    const shifted = terms.map((t) => ({ score: t.score + t.v[f]!, size: t.size + Math.abs(t.v[f]!) }));
    const top = logSumExp(shifted.map((t) => t.score));
    if (top === Number.NEGATIVE_INFINITY) return { y: top, scale: 0 };
    return { y: top - lse, scale: loss(shifted) + lseScale + Math.abs(top - lse) };
  });
  return { y: cells.map((cell) => cell.y), scale: cells.map((cell) => cell.scale), lse, lseScale };
}

/** Returns the rounding error of the logarithm of a sum of exp(score): the weighted mean of the errors of its terms. */
function loss(terms: readonly Pick<Term, "score" | "size">[]): number {
  const peak = terms.reduce((most, t) => Math.max(most, t.score), Number.NEGATIVE_INFINITY);
  const total = logSumExp(terms.map((t) => t.score));
  // A term of weight 0 may be infinitely deep.
  return sum(terms.map((t) => (t.score === -Infinity ? 0 : Math.exp(t.score - total) * (1 + t.size + peak - t.score))));
}

function logSumExp(xs: readonly number[]): number {
  const peak = xs.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
  return peak === Number.NEGATIVE_INFINITY ? peak : peak + Math.log(sum(xs.map((x) => Math.exp(x - peak))));
}

const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);
