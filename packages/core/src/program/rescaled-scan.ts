import {
  axisSize,
  EMPTY_EXPONENT,
  HIDDEN_EXPONENT,
  indicesAlong,
  knownAxisSize,
  pad,
  shiftAlong,
  tril,
} from "./derived-ops.ts";
import type { Ops } from "./ops.ts";
import { type Dim, isKnown, minusDim, multipleOf, partsOf, requireKnown, timesDim } from "./sizes.ts";

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

/**
 * Element i becomes the combination of `start`, if there is one, and elements `0..i`: exact whatever the spread, O(n),
 * levels instead of a loop. `start` is one element, `m [..., 1]`, `s [..., 1, e]`. Where n is symbolic,
 * the tree ends at the factor that is known to divide it, see `scanGranularity`.
 */
export function rescaledScan<T>(o: Ops<T>, x: Rescaled<T>, start?: Rescaled<T>): Rescaled<T> {
  const n = axisSize(o, x.m, -1);
  if (isKnown(n) ? n <= RADIX : multipleOf(n) % RADIX !== 0) {
    const own = pairwise(o, x);
    return start === undefined ? own : combineRescaled(o, start, own);
  }
  const lead = o.shape(x.m).slice(0, -1);
  const axis = lead.length;
  const e = knownAxisSize(o, x.s, -1);
  const groups = partsOf(n, RADIX);
  const long = timesDim(groups, RADIX);
  const extra = requireKnown("rescaledScan", minusDim(long, n));
  const inner = pairwise(o, {
    m: o.reshape(pad(o, x.m, axis, 0, extra, EMPTY_EXPONENT), [...lead, groups, RADIX]),
    s: o.reshape(pad(o, x.s, axis, 0, extra), [...lead, groups, RADIX, e]),
  });
  const own = {
    m: o.reshape(o.slice(inner.m, axis + 1, RADIX - 1, RADIX), [...lead, groups]),
    s: o.reshape(o.slice(inner.s, axis + 1, RADIX - 1, RADIX), [...lead, groups, e]),
  };
  const earlier = exclusivePrefix(o, rescaledScan(o, own, start), start);
  const column = {
    m: o.reshape(earlier.m, [...lead, groups, 1]),
    s: o.reshape(earlier.s, [...lead, groups, 1, e]),
  };
  const all = combineRescaled(o, column, inner);
  return {
    m: o.slice(o.reshape(all.m, [...lead, long]), axis, 0, n),
    s: o.slice(o.reshape(all.s, [...lead, long, e]), axis, 0, n),
  };
}

/** Exclusive prefix of a scan: element i holds the combination of `start` and elements 0..i-1. */
export function exclusivePrefix<T>(o: Ops<T>, { m, s }: Rescaled<T>, start?: Rescaled<T>): Rescaled<T> {
  const axis = o.shape(m).length - 1;
  return { m: shiftAlong(o, m, axis, start?.m, EMPTY_EXPONENT), s: shiftAlong(o, s, axis, start?.s) };
}

/** Returns the last element of a scan, which combines all of them. */
export function scanTotal<T>(o: Ops<T>, { m, s }: Rescaled<T>): Rescaled<T> {
  const n = axisSize(o, m, -1);
  const axis = o.shape(m).length - 1;
  return { m: o.slice(m, axis, minusDim(n, 1), n), s: o.slice(s, axis, minusDim(n, 1), n) };
}

/**
 * `Mechanism.granularity` of a mechanism that scans one element per `tokens` tokens: what is left for the top of the tree,
 * whose cost is the square of its width, is at most 128 wide.
 */
export function scanGranularity(length: number, tokens: number): number {
  return length / tokens <= 128 ? tokens : scanGranularity(length, tokens * RADIX);
}

/** The monoid: associative and commutative, identity `EMPTY, 0`. */
export function combineRescaled<T>(o: Ops<T>, a: Rescaled<T>, b: Rescaled<T>): Rescaled<T> {
  const m = o.maximum(a.m, b.m);
  const column = (x: T) => o.reshape(x, [...o.shape(x), 1]);
  const part = (x: Rescaled<T>) => o.mul(column(o.exp(o.sub(x.m, m))), x.s);
  return { m, s: o.add(part(a), part(b)) };
}

/** The scan by all pairs `j <= i`: `exp(m_j - M_i)` with `M_i = max over j <= i`, so no exponent is ever above 0. */
function pairwise<T>(o: Ops<T>, x: Rescaled<T>): Rescaled<T> {
  const n = axisSize(o, x.m, -1);
  const lead = o.shape(x.m).slice(0, -1);
  const pairs = o.add(
    o.reshape(x.m, [...lead, 1, n]),
    o.mul(o.sub(o.minimum(earlierOrSame(o, x.m, n), 1), 1), -HIDDEN_EXPONENT),
  );
  const m = o.max(pairs, -1); // [..., n, 1]
  return { m: o.reshape(m, [...lead, n]), s: o.matmul(o.exp(o.sub(pairs, m)), x.s) };
}

/** Non-zero where the column is at or before the row, `[n, n]`. */
function earlierOrSame<T>(o: Ops<T>, m: T, n: Dim): T {
  if (isKnown(n)) return tril(o, n);
  const at = indicesAlong(o, m, o.shape(m).length - 1);
  return o.maximum(o.sub(o.reshape(o.add(at, 1), [-1, 1]), at), 0);
}
