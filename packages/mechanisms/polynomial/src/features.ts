import { knownAxisSize, type Ops } from "@attnkit/core/program";

/** The monomials of one degree in d variables, as columns of indices: `indices[f][i]` is factor f of monomial i. */
interface Monomials {
  readonly indices: readonly (readonly number[])[];
  /** How many products of d^p the monomial stands for: p! / prod(multiplicity!). */
  readonly orderings: readonly number[];
}

/** Number of features of a polynomial's linear form: `sum over its degrees m of C(d + m - 1, m)`. */
export function featureCount(coefficients: readonly number[], d: number): number {
  return coefficients.reduce((sum, c, m) => sum + (c === 0 ? 0 : choose(d + m - 1, m)), 0);
}

/**
 * Symmetric-power features: `phi(q, weights).phi(k) = sum_m weights_m (q.k)^m` for weights on one side and 1 on the other.
 * `[..., d] -> [..., r]`. Degrees with coefficient 0 have no features. (MATH 4.3, 6.1)
 */
export function features<T>(o: Ops<T>, x: T, coefficients: readonly number[], weights?: readonly number[]): T {
  const d = knownAxisSize(o, x, -1);
  const columns = coefficients.flatMap((c, m) => (c === 0 ? [] : [degree(o, x, m, monomials(d, m), weights?.[m])]));
  return columns.length === 1 ? columns[0]! : o.concat(columns, -1);
}

function degree<T>(o: Ops<T>, x: T, m: number, { indices, orderings }: Monomials, weight?: number): T {
  const factors = indices.map((index) => o.take(x, -1, index));
  const one = () => o.where(o.slice(x, -1, 0, 1), 1, 1);
  const product = m === 0 ? one() : factors.reduce((a, b) => o.mul(a, b));
  if (weight === undefined) return product;
  return o.mul(
    product,
    o.constant(
      orderings.map((n) => n * weight),
      [orderings.length],
    ),
  );
}

/** All index tuples `i_1 <= ... <= i_p`, in lexicographic order. */
function monomials(d: number, p: number): Monomials {
  const tuples: number[][] = [];
  const tuple = Array<number>(p).fill(0);
  const visit = (at: number, from: number) => {
    if (at === p) {
      tuples.push([...tuple]);
      return;
    }
    for (let i = from; i < d; i++) {
      tuple[at] = i;
      visit(at + 1, i);
    }
  };
  visit(0, 0);
  return {
    indices: Array.from({ length: p }, (_, f) => tuples.map((t) => t[f]!)),
    orderings: tuples.map(orderingsOf),
  };
}

function orderingsOf(tuple: readonly number[]): number {
  let [result, run] = [1, 0];
  for (let i = 0; i < tuple.length; i++) {
    run = i > 0 && tuple[i] === tuple[i - 1] ? run + 1 : 1;
    result = (result * (i + 1)) / run;
  }
  return result;
}

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return Math.round(result);
}
