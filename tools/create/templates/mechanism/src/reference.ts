import type { Options } from "@attnkit/core";
import type { Reference } from "@attnkit/core/program";

/**
 * The formula in float64 loops over one head: the oracle that the program is compared with. It shares no code with it.
 * Replace `score` and `weight` by those of your paper: `y_i = sum over visible j of weight(score_ij) v_j`.
 *
 * `scale` says how large a rounding error of each entry of y may be, in units of the unit roundoff: each term counts
 * once for itself, and once for each number that its score was summed from, as an error of the score changes the weight.
 */
export function myMechanismReference(options: Options = {}): Reference {
  const { offset = 0 } = options as { readonly offset?: number };
  return (head) => {
    const rows = head.q.map((q, i) => {
      const y = (head.v[0] ?? []).map(() => 0);
      const size = y.map(() => 0);
      for (const [j, k] of head.k.entries()) {
        if (!head.visible(i, j)) continue;
        const terms = [...q.map((x, c) => (x * k[c]!) / Math.sqrt(q.length)), offset, head.bias(i, j)];
        const score = terms.reduce((sum, x) => sum + x, 0);
        const lost = terms.reduce((sum, x) => sum + Math.abs(x), 0);
        const w = weight(score);
        for (const [f, x] of head.v[j]!.entries()) {
          y[f]! += w * x;
          size[f]! += (1 + w * lost) * Math.abs(x);
        }
      }
      return { y, size };
    });
    return { y: rows.map((row) => row.y), scale: rows.map((row) => row.size) };
  };
}

/** The weight of a key with this score: `1 / (1 + exp(-score))`. */
const weight = (score: number): number => 1 / (1 + Math.exp(-score));
