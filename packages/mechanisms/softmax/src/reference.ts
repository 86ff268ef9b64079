import type { Options } from "@attnkit/core";
import type { Head, Reference } from "@attnkit/core/program";

interface SoftmaxOptions {
  readonly scale?: number | null;
  readonly softcap?: number | null;
  readonly window?: readonly [left: number | null, right: number | null] | null;
}

/**
 * Softmax attention in float64 (Vaswani et al. 2017, eq. 1; softcap: Gemma 2, arXiv 2408.00118, section 2).
 *
 * Error scale: the score is a rounded sum of d products, so its error is u times the sum of their sizes (less what the
 * slope of tanh takes away), and exp turns an absolute error of its argument into a relative error of the weight. A
 * weight's error enters numerator and denominator alike, so it counts |v - y| times; the sums' own roundings do not.
 */
export function softmaxReference(options: Options = {}): Reference {
  const { scale, softcap, window } = options as SoftmaxOptions;
  const [left, right] = (window ?? [null, null]).map((n) => (n === null || n < 0 ? Number.POSITIVE_INFINITY : n));
  return (head) => {
    const rows = head.q.map((q, i) => {
      const at = head.position(i);
      const factor = scale ?? 1 / Math.sqrt(q.length);
      const terms = head.k.flatMap((k, j) => {
        if (!head.visible(i, j) || j < at - left! || j > at + right!) return [];
        const products = q.map((x, c) => factor * x * k[c]!);
        const score = sum(products);
        const size = sum(products.map(Math.abs));
        const bias = head.bias(i, j);
        if (!softcap) return [{ j, score: score + bias, size: size + Math.abs(bias) }];
        const slant = Math.tanh(score / softcap);
        const capped = softcap * slant;
        return [{ j, score: capped + bias, size: size * (1 - slant ** 2) + Math.abs(capped) + Math.abs(bias) }];
      });
      return average(terms, head.v);
    });
    const result = { y: rows.map((r) => r.y), scale: rows.map((r) => r.scale) };
    return { ...result, lse: rows.map((r) => r.lse), lseScale: rows.map((r) => r.lseScale) };
  };
}

/** The mean of the values, weighted by exp(score); `size` is the error of a score in units of u. */
function average(terms: { j: number; score: number; size: number }[], values: Head["v"]) {
  const zeros = (values[0] ?? []).map(() => 0);
  if (terms.length === 0) return { y: zeros, scale: zeros, lse: Number.NEGATIVE_INFINITY, lseScale: 0 };
  const peak = terms.reduce((most, { score }) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const weights = terms.map(({ score }) => Math.exp(score - peak));
  const total = sum(weights);
  const y = zeros.map((_, f) => sum(terms.map(({ j }, n) => weights[n]! * values[j]![f]!)) / total);
  const scale = y.map((mean, f) => {
    const parts = terms.map(({ j, score, size }, n) => {
      const value = values[j]![f]!;
      return weights[n]! * (Math.abs(value) + Math.abs(mean) + (size + peak - score) * Math.abs(value - mean));
    });
    return sum(parts) / total + Math.abs(mean);
  });
  const lost = sum(terms.map(({ score, size }, n) => weights[n]! * (1 + size + peak - score)));
  return { y, scale, lse: peak + Math.log(total), lseScale: lost / total };
}

const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);
