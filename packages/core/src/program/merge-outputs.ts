import { divideOrZero } from "./derived-ops.ts";
import { lowestFinite } from "./limits.ts";
import type { Ops } from "./ops.ts";

/** The result of a normalising mechanism for some queries over some keys. */
export type Output<T> = {
  /** `[B, Hq, L, dv]`, leading axes optional */
  readonly y: T;
  /** `[B, Hq, L]`, or the shape of y where the normaliser is per channel */
  readonly lse: T;
};

/**
 * The output over both sets of keys, from the outputs over each: `y = (e^a y_a + e^b y_b) / (e^a + e^b)`.
 * Associative and commutative; `(0, -Infinity)` is its identity. (MATH 1.1)
 */
export function mergeOutputs<T>(o: Ops<T>, a: Output<T>, b: Output<T>): Output<T> {
  // Where neither saw a key the maximum would be -Infinity, and its difference from itself NaN.
  const m = o.maximum(o.maximum(a.lse, b.lse), lowestFinite(o));
  const [ea, eb] = [o.exp(o.sub(a.lse, m)), o.exp(o.sub(b.lse, m))];
  const sum = o.add(ea, eb);
  const perRow = o.shape(a.lse).length < o.shape(a.y).length;
  const weight = (e: T) => {
    const w = divideOrZero(o, e, sum);
    return perRow ? o.reshape(w, [...o.shape(w), 1]) : w;
  };
  return {
    y: o.add(o.mul(weight(ea), a.y), o.mul(weight(eb), b.y)),
    lse: o.where(sum, o.add(m, o.log(o.where(sum, sum, 1))), Number.NEGATIVE_INFINITY),
  };
}
