import type { Block, Result, State } from "@attnkit/core";
import {
  alignPositions,
  appendOnes,
  axisSize,
  blockShape,
  clip,
  combineRescaled,
  type Dim,
  divideOrZero,
  EMPTY_EXPONENT,
  everyRowSeesAllKeys,
  type How,
  headGroupSize,
  knownAxisSize,
  logOrMinusInfinity,
  minusDim,
  type Ops,
  pad,
  plusDim,
  presentKeys,
  type Rescaled,
  replaceAbsent,
  requireKnown,
  rescaledScan,
  scanTotal,
  timesDim,
} from "@attnkit/core/program";

/**
 * Returns the size that q and k are limited to in the series of an order, so that no power of a channel overflows:
 * `min(1000, 10^(30 / order))`.
 */
export const seriesLimit = (order: number): number => Math.min(1000, 10 ** (30 / order));

/**
 * The series form, O(L) (Feng 2025, eq. 7-16). With N = B Hkv and w = order + 1, a state is `m [N, d, 1]`, the largest
 * `-k^2`, and `s [N, d, 1, 2 w]`: sums of `exp(-k^2 - m) k^p v`, then of `exp(-k^2 - m) k^p`, for p = 0..order.
 */
export function series<T>(o: Ops<T>, block: Block<T>, { causal, lse, state }: How, order: number): Result<T> {
  const [B, hkv, S, d] = blockShape(o, block.k);
  const L = axisSize(o, block.q, 2);
  const limit = seriesLimit(order);
  const tokens = tokenStates(o, block, limit, order); // one state per key
  const start = block.state && seenBefore(o, block.state);
  let rows: Rescaled<T>; // the state that each query reads, [N, d, L or 1]
  let left: Rescaled<T>;
  if (everyRowSeesAllKeys(L, S, causal)) {
    const own = total(o, tokens);
    left = start === undefined ? own : combineRescaled(o, start, own);
    rows = left;
  } else {
    const at = alignPositions(L, S, causal);
    const after = requireKnown("series", minusDim(at.length, plusDim(S, at.k)));
    const placed = {
      m: pad(o, tokens.m, 2, at.k, after, EMPTY_EXPONENT),
      s: pad(o, tokens.s, 2, at.k, after),
    };
    const scanned = rescaledScan(o, placed, start);
    const end = plusDim(L, at.q);
    rows = { m: o.slice(scanned.m, 2, at.q, end), s: o.slice(scanned.s, 2, at.q, end) };
    left = scanTotal(o, scanned);
  }
  return {
    ...read(o, block.q, rows, hkv, limit, order, lse),
    state: state === false ? {} : stateOf(o, left, B, hkv, d),
  };
}

export function mergeSeries<T>(o: Ops<T>, a: State<T>, b: State<T>): State<T> {
  const [B, hkv, , d] = blockShape(o, a.mu!);
  return stateOf(o, combineRescaled(o, seenBefore(o, a), seenBefore(o, b)), B, hkv, d);
}

/** Per key and channel: exponent `-k^2` and the powers of k, with v and without: `[N, d, S]`, `[N, d, S, 2 w]`. */
function tokenStates<T>(o: Ops<T>, block: Block<T>, limit: number, order: number): Rescaled<T> {
  const [B, hkv, S, d] = blockShape(o, block.k);
  const present = presentKeys(o, block);
  const channels = (x: T) => o.transpose(o.reshape(x, [timesDim(B, hkv), S, axisSize(o, x, 3)]), [0, 2, 1]);
  const k = channels(clip(o, replaceAbsent(o, present, block.k, 0), limit)); // [N, d, S]
  const v1 = channels(appendOnes(o, block.v, present)); // [N, d + 1, S]
  const square = o.mul(o.mul(k, k), -1);
  const column = (x: T) => o.reshape(x, [...o.shape(x), 1]);
  const ones = o.slice(v1, 1, d, d + 1); // [N, 1, S], 0 for absent keys
  const m = present === undefined ? square : o.where(ones, square, EMPTY_EXPONENT);
  const powers = [o.where(k, 1, 1)];
  for (let p = 1; p <= order; p++) powers.push(o.mul(powers[p - 1]!, k));
  const all = o.concat(powers.map(column), -1); // [N, d, S, w]
  return { m, s: o.concat([o.mul(all, column(o.slice(v1, 1, 0, d))), o.mul(all, column(ones))], -1) };
}

/** All keys made one state: `[N, d, 1]`, `[N, d, 1, 2 w]`. */
function total<T>(o: Ops<T>, { m, s }: Rescaled<T>): Rescaled<T> {
  const [N, d, S] = o.shape(m) as [Dim, Dim, Dim];
  const top = S === 0 ? o.maximum(o.max(m, -1), EMPTY_EXPONENT) : o.max(m, -1);
  const weights = o.reshape(o.exp(o.sub(m, top)), [N, d, 1, S]);
  return { m: top, s: o.matmul(weights, s) };
}

/**
 * `sum_p c_p q^p s_p / sum_p c_p q^p z_p`, `c_p = 2^p / p!`, both divided by `max(1, |q|)^order` so that no power of q
 * overflows (MATH 3.6). Rows hold one state per query, or one for all.
 */
function read<T>(
  o: Ops<T>,
  query: T,
  rows: Rescaled<T>,
  hkv: number,
  limit: number,
  order: number,
  lse: boolean,
): { y: T; lse?: T } {
  const [B, hq, L, d] = blockShape(o, query);
  const [N, G, w] = [timesDim(B, hkv), headGroupSize(hq, hkv), order + 1];
  const q = o.transpose(o.reshape(clip(o, query, limit), [N, G, L, d]), [0, 1, 3, 2]); // [N, G, d, L]
  const radius = o.maximum(o.maximum(q, o.mul(q, -1)), 1);
  const inverse = o.div(1, radius);
  let term = inverse;
  for (let p = 1; p < order; p++) term = o.mul(term, inverse);
  const terms = [term];
  for (let p = 1; p <= order; p++) {
    term = o.mul(o.mul(term, q), 2 / p);
    terms.push(term);
  }
  const powers = o.concat(
    terms.map((t) => o.reshape(t, [N, G, d, L, 1])),
    -1,
  ); // [N, G, d, L, w]
  const states = o.reshape(rows.s, [N, 1, d, axisSize(o, rows.s, 2), 2 * w]);
  const sum = (from: number) => o.reshape(o.sum(o.mul(powers, o.slice(states, -1, from, from + w)), -1), [N, G, d, L]);
  const [numerator, denominator] = [sum(0), sum(w)];
  const back = (x: T) => o.reshape(o.transpose(x, [0, 1, 3, 2]), [B, hq, L, d]);
  if (!lse) return { y: back(divideOrZero(o, numerator, denominator)) };
  const exponent = o.reshape(rows.m, [N, 1, d, axisSize(o, rows.m, 2)]);
  const logs = o.add(o.add(logOrMinusInfinity(o, denominator), exponent), o.mul(o.log(radius), order));
  return {
    y: back(divideOrZero(o, numerator, denominator)),
    lse: back(o.where(denominator, logs, Number.NEGATIVE_INFINITY)),
  };
}

function seenBefore<T>(o: Ops<T>, { mu, s, z }: State<T>): Rescaled<T> {
  const [B, hkv, , d] = blockShape(o, mu!);
  const both = o.concat([s!, z!], 2); // [B, Hkv, 2 w, d]
  const w2 = axisSize(o, both, 2);
  return {
    m: o.reshape(mu!, [timesDim(B, hkv), d, 1]),
    s: o.reshape(o.transpose(both, [0, 1, 3, 2]), [timesDim(B, hkv), d, 1, w2]),
  };
}

function stateOf<T>(o: Ops<T>, { m, s }: Rescaled<T>, B: Dim, hkv: number, d: number): State<T> {
  const w2 = knownAxisSize(o, s, 3);
  const both = o.transpose(o.reshape(s, [B, hkv, d, w2]), [0, 1, 3, 2]); // [B, Hkv, 2 w, d]
  return {
    mu: o.reshape(m, [B, hkv, 1, d]),
    s: o.slice(both, 2, 0, w2 / 2),
    z: o.slice(both, 2, w2 / 2, w2),
  };
}
