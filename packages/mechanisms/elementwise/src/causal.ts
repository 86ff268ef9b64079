import {
  alignPositions,
  axisSize,
  blockShape,
  chunkSizeAtMost,
  type Dim,
  EMPTY_EXPONENT,
  exclusivePrefix,
  type How,
  headGroupSize,
  minusDim,
  type Ops,
  pad,
  partsOf,
  plusDim,
  replaceAbsent,
  requireKnown,
  rescaledScan,
  scanTotal,
  timesDim,
} from "@attnkit/core/program";
import { combineSums, powersOf, type Sums, type Tokens } from "./sums.ts";
import { answer, type Fraction, readSums, type Terms, termsOf } from "./terms.ts";

/** Tokens of a chunk: each is one step, which all chunks take together. */
const CHUNK = 16;

interface Inputs<T> {
  /** `[B, Hq, L, d]`, limited. */
  readonly q: T;
  readonly tokens: Tokens<T>;
  readonly start: Sums<T> | undefined;
}

/**
 * Causal rows of the series in `CHUNK` steps over all n chunks at once. Tensors are `[c, N, n, d]`, token of the chunk
 * first, so that a step reads and writes whole blocks of memory and needs no broadcast.
 */
export function causalSeries<T>(
  o: Ops<T>,
  { q, tokens, start }: Inputs<T>,
  { causal, lse }: How,
  order: number,
): { y: T; lse?: T; left: Sums<T> } {
  const [B, hkv, S, d] = blockShape(o, tokens.k);
  const [, hq, L] = blockShape(o, q);
  const at = alignPositions(L, S, causal);
  const c = chunkSizeAtMost(CHUNK, at.length);
  const n = partsOf(at.length, c);
  const [N, G] = [timesDim(B, hkv), headGroupSize(hq, hkv)];
  const length = timesDim(n, c);
  /** `[B, H, .., d]` with `from` positions before it, as `[N, G, n, c, d]`. */
  const cut = (x: T, from: number, group: number, value = 0) => {
    const after = requireKnown("series", minusDim(length, plusDim(axisSize(o, x, 2), from)));
    return o.reshape(pad(o, x, 2, from, after, value), [N, group, n, c, d]);
  };
  const keys = (x: T, value = 0) => o.reshape(o.transpose(cut(x, at.k, 1, value), [1, 3, 0, 2, 4]), [c, N, n, d]);
  const { k, v, exponent, present } = tokens;
  // Positions before the first key are rows without keys: their exponents alone would not tell them from keys.
  const counted = present !== undefined || at.k > 0;
  const inside = scanChunks(
    o,
    {
      k: keys(k),
      v: keys(v),
      exponent: keys(exponent, EMPTY_EXPONENT),
      present: counted ? keys(replaceAbsent(o, present, o.where(k, 1, 1), 0)) : undefined,
    },
    order,
  );
  const { before, left } = acrossChunks(o, inside.last, start, c);
  const terms = termsOf(o, o.transpose(cut(q, at.q, G), [1, 3, 0, 2, 4]), order); // [G, c, N, n, d]
  const found = answer(o, ...readBoth(o, terms, inside, before), { terms, lse });
  const rows = (x: T) => {
    const long = o.reshape(o.transpose(x, [2, 0, 3, 1, 4]), [B, hq, length, d]);
    return length === L ? long : o.slice(long, 2, at.q, plusDim(L, at.q));
  };
  return { y: rows(found.y), left, ...(found.lse !== undefined && { lse: rows(found.lse) }) };
}

/** Sums in 2 w tensors: `m` and each of `s` are `[c, N, n, d]`. */
interface Columns<T> {
  readonly m: T;
  readonly s: readonly T[];
}

/** Returns the sums from the first token of a chunk up to each token, and those of whole chunks. */
function scanChunks<T>(
  o: Ops<T>,
  { k, v, exponent, present }: Tokens<T>,
  order: number,
): Columns<T> & { last: Chunks<T> } {
  const [c, N, n, d] = o.shape(k) as [number, Dim, Dim, number];
  const row = (x: T, t: number) => (c === 1 ? x : o.slice(x, 0, t, t + 1));
  const ms = [row(exponent, 0)];
  for (let t = 1; t < c; t++) ms.push(o.maximum(ms[t - 1]!, row(exponent, t)));
  const m = c === 1 ? exponent : o.concat(ms, 0);
  const weight = replaceAbsent(o, present, o.exp(o.sub(exponent, m)), 0);
  const powers = powersOf(o, { k, v, weight }, order);
  const w2 = powers.length;
  const joined = o.concat(powers, 1); // [c, 2 w N, n, d]
  let sum = row(joined, 0);
  const sums = [sum];
  for (let t = 1; t < c; t++) {
    const decay = o.exp(o.sub(ms[t - 1]!, ms[t]!));
    sum = o.add(o.mul(sum, o.concat(Array<T>(w2).fill(decay), 1)), row(joined, t));
    sums.push(sum);
  }
  const last = { m: o.reshape(ms[c - 1]!, [N, n, d]), s: o.reshape(sum, [w2, N, n, d]) };
  if (c === 1) return { m, s: powers, last };
  const byPower = o.concat(
    sums.map((x) => o.reshape(x, [w2, 1, N, n, d])),
    1,
  ); // [2 w, c, N, n, d]
  return { m, s: powers.map((_, p) => o.reshape(o.slice(byPower, 0, p, p + 1), [c, N, n, d])), last };
}

/** One sum per chunk: `m [N, n, d]`, `s [2 w, N, n, d]`. */
interface Chunks<T> {
  readonly m: T;
  readonly s: T;
}

/** Returns the sums before the chunk of each token, nothing where there are none, and those after the last one. */
function acrossChunks<T>(
  o: Ops<T>,
  own: Chunks<T>,
  start: Sums<T> | undefined,
  c: number,
): { before: Columns<T> | undefined; left: Sums<T> } {
  const [w2, N, n, d] = o.shape(own.s) as [number, Dim, Dim, number];
  /** Each of c tokens gets a copy: some frameworks take ten times as long where one operand is broadcast. */
  const copies = (x: T, axis: number) => (c === 1 ? x : o.concat(Array<T>(c).fill(x), axis));
  const columns = (m: T, s: T) => {
    const all = copies(o.reshape(s, [w2, 1, N, n, d]), 1);
    return {
      m: copies(o.reshape(m, [1, N, n, d]), 0),
      s: Array.from({ length: w2 }, (_, p) => o.reshape(o.slice(all, 0, p, p + 1), [c, N, n, d])),
    };
  };
  if (n === 1) {
    const only = { m: own.m, s: o.reshape(o.transpose(own.s, [1, 2, 0, 3]), [N, w2, d]) };
    if (start === undefined) return { before: undefined, left: only };
    const before = columns(start.m, o.reshape(o.transpose(start.s, [1, 0, 2]), [w2, N, 1, d]));
    return { before, left: combineSums(o, start, only) };
  }
  const first = start && {
    m: o.transpose(start.m, [0, 2, 1]),
    s: o.reshape(o.transpose(start.s, [0, 2, 1]), [N, d, 1, w2]),
  };
  const scanned = rescaledScan(
    o,
    { m: o.transpose(own.m, [0, 2, 1]), s: o.transpose(own.s, [1, 3, 2, 0]) }, // [N, d, n], [N, d, n, 2 w]
    first,
  );
  const [earlier, all] = [exclusivePrefix(o, scanned, first), scanTotal(o, scanned)];
  return {
    before: columns(o.transpose(earlier.m, [0, 2, 1]), o.transpose(earlier.s, [3, 0, 2, 1])),
    left: {
      m: o.transpose(all.m, [0, 2, 1]),
      s: o.reshape(o.transpose(all.s, [0, 2, 3, 1]), [N, w2, d]),
    },
  };
}

/** Returns the fraction of every row, and the exponent that it is relative to. */
function readBoth<T>(o: Ops<T>, terms: Terms<T>, inside: Columns<T>, before: Columns<T> | undefined): [Fraction<T>, T] {
  const near = readSums(o, terms, inside.s);
  if (before === undefined) return [near, inside.m];
  const far = readSums(o, terms, before.s);
  const top = o.maximum(inside.m, before.m);
  const [a, b] = [o.exp(o.sub(inside.m, top)), o.exp(o.sub(before.m, top))];
  const both = (name: keyof Fraction<T>) => o.add(o.mul(near[name], a), o.mul(far[name], b));
  return [{ numerator: both("numerator"), denominator: both("denominator") }, top];
}
