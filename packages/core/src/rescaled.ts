import { dim, EMPTY, HIDDEN, pad, tril } from "./derived.ts";
import type { Ops } from "./ops.ts";

/**
 * Sums of exponentials too large or small to write down: `sum_j exp(l_j) p_j` kept as a running maximum `m` of the
 * exponents and `s = sum_j exp(l_j - m) p_j`. Nothing seen is `m = EMPTY, s = 0`. (MATH 1.4)
 */
export interface Rescaled<T> {
  /** `[..., n]` */
  readonly m: T;
  /** `[..., n, e]` */
  readonly s: T;
}

/** Rows combined at once: the work per row is `RADIX * e`, the number of levels `log(n) / log(RADIX)`. */
const RADIX = 16;

/** Element i becomes the combination of elements `0..i`: exact whatever the spread, O(n), levels instead of a loop. */
export function rescaledScan<T>(o: Ops<T>, x: Rescaled<T>): Rescaled<T> {
  const n = dim(o, x.m, -1);
  if (n <= RADIX) return pairwise(o, x);
  const lead = o.shape(x.m).slice(0, -1);
  const axis = lead.length;
  const e = dim(o, x.s, -1);
  const groups = Math.ceil(n / RADIX);
  const extra = groups * RADIX - n;
  const inner = pairwise(o, {
    m: o.reshape(pad(o, x.m, axis, 0, extra, EMPTY), [...lead, groups, RADIX]),
    s: o.reshape(pad(o, x.s, axis, 0, extra), [...lead, groups, RADIX, e]),
  });
  const totals = rescaledScan(o, {
    m: o.reshape(o.slice(inner.m, axis + 1, RADIX - 1, RADIX), [...lead, groups]),
    s: o.reshape(o.slice(inner.s, axis + 1, RADIX - 1, RADIX), [...lead, groups, e]),
  });
  const before = {
    m: o.reshape(pad(o, o.slice(totals.m, axis, 0, groups - 1), axis, 1, 0, EMPTY), [...lead, groups, 1]),
    s: o.reshape(pad(o, o.slice(totals.s, axis, 0, groups - 1), axis, 1, 0), [...lead, groups, 1, e]),
  };
  const all = combine(o, before, inner);
  return {
    m: o.slice(o.reshape(all.m, [...lead, groups * RADIX]), axis, 0, n),
    s: o.slice(o.reshape(all.s, [...lead, groups * RADIX, e]), axis, 0, n),
  };
}

/** The monoid: associative and commutative, identity `EMPTY, 0`. */
export function combine<T>(o: Ops<T>, a: Rescaled<T>, b: Rescaled<T>): Rescaled<T> {
  const m = o.maximum(a.m, b.m);
  const column = (x: T) => o.reshape(x, [...o.shape(x), 1]);
  const part = (x: Rescaled<T>) => o.mul(column(o.exp(o.sub(x.m, m))), x.s);
  return { m, s: o.add(part(a), part(b)) };
}

/** The scan by all pairs `j <= i`: `exp(m_j - M_i)` with `M_i = max over j <= i`, so no exponent is ever above 0. */
function pairwise<T>(o: Ops<T>, x: Rescaled<T>): Rescaled<T> {
  const n = dim(o, x.m, -1);
  const lead = o.shape(x.m).slice(0, -1);
  const pairs = o.where(tril(o, n), o.reshape(x.m, [...lead, 1, n]), HIDDEN);
  const m = o.max(pairs, -1); // [..., n, 1]
  return { m: o.reshape(m, [...lead, n]), s: o.matmul(o.exp(o.sub(pairs, m)), x.s) };
}
