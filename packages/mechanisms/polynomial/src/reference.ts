import type { Options } from "@attnkit/core";
import type { Reference } from "@attnkit/core/program";

interface PolynomialOptions {
  readonly power?: number;
  readonly coefficients?: readonly number[] | null;
  readonly normalizer?: "visible" | number;
}

/**
 * Polynomial attention in float64: weight = (q.k / sqrt d + bias)^p / sqrt(N), or a sum of such powers
 * (Saratchandran et al., arXiv 2410.18613). N counts the keys that the row may attend to, or is given.
 *
 * Error scale: the score loses u times the sum of its absolute terms; its m-th power loses m such factors, and a
 * program over power features adds up every absolute product, so a power counts (1 + m) (sum of absolute terms)^m.
 */
export function polynomialReference(options: Options = {}): Reference {
  const { power = 2, coefficients, normalizer = "visible" } = options as PolynomialOptions;
  const series = coefficients ?? [...Array<number>(power).fill(0), 1];
  return (head) => {
    const rows = head.q.map((q, i) => {
      const terms = head.k.flatMap((k, j) => {
        if (!head.visible(i, j)) return [];
        const products = [...q.map((x, c) => (x * k[c]!) / Math.sqrt(q.length)), head.bias(i, j)];
        const [score, size] = [sum(products), sum(products.map(Math.abs))];
        const weight = sum(series.map((c, m) => c * score ** m));
        return [{ v: head.v[j]!, weight, size: sum(series.map((c, m) => Math.abs(c) * (1 + m) * size ** m)) }];
      });
      const root = Math.sqrt(normalizer === "visible" ? Math.max(1, terms.length) : normalizer);
      const y = (head.v[0] ?? []).map((_, f) => sum(terms.map((t) => t.weight * t.v[f]!)) / root);
      const scale = y.map((out, f) => sum(terms.map((t) => t.size * Math.abs(t.v[f]!))) / root + Math.abs(out));
      return { y, scale };
    });
    return { y: rows.map((r) => r.y), scale: rows.map((r) => r.scale) };
  };
}

const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);
