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
  timesDim,
} from "@attnkit/core/program";
import { powersOf, type Sums, type Tokens } from "./sums.ts";
import { answer, readSums, termsOf } from "./terms.ts";

/** Tokens of a chunk: each is one step, which all chunks take together. */
const CHUNK = 32;

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
  const chunks: Tokens<T> = {
    k: keys(k),
    v: keys(v),
    exponent: keys(exponent, EMPTY_EXPONENT),
    present: counted ? keys(replaceAbsent(o, present, o.where(k, 1, 1), 0)) : undefined,
  };
  const before = n === 1 ? start && oneChunk(o, start) : sumsBefore(o, chunks, start, order);
  const { rows, left } = runSteps(o, chunks, before, order);
  const terms = termsOf(o, o.transpose(cut(q, at.q, G), [1, 3, 0, 2, 4]), order); // [G, c, N, n, d]
  const found = answer(o, readSums(o, terms, rows.s), rows.m, { terms, lse, everyRowSeesKeys: !counted });
  const joined = (x: T) => {
    const long = o.reshape(o.transpose(x, [2, 0, 3, 1, 4]), [B, hq, length, d]);
    return length === L ? long : o.slice(long, 2, at.q, plusDim(L, at.q));
  };
  return { y: joined(found.y), left, ...(found.lse !== undefined && { lse: joined(found.lse) }) };
}

/** Sums before each chunk: `m [1, N, n, d]`, `s [1, 2 w N, n, d]`. */
type Before<T> = Sums<T>;

/** The sums before the only chunk. */
function oneChunk<T>(o: Ops<T>, { m, s }: Sums<T>): Before<T> {
  const [N, w2, d] = o.shape(s) as [Dim, number, number];
  return {
    m: o.reshape(m, [1, N, 1, d]),
    s: o.reshape(o.transpose(s, [1, 0, 2]), [1, timesDim(N, w2), 1, d]),
  };
}

/** Returns the sums before each chunk by a scan over what all chunks add. */
function sumsBefore<T>(o: Ops<T>, chunks: Tokens<T>, start: Sums<T> | undefined, order: number): Before<T> {
  // Tokens innermost: a sum over another axis moves all of its input first.
  const inner = (x: T) => o.transpose(x, [1, 3, 2, 0]); // [N, d, n, c]
  const [k, exponent] = [inner(chunks.k), inner(chunks.exponent)];
  const [N, d] = o.shape(k) as [Dim, number];
  const m = o.max(exponent, -1); // [N, d, n, 1]
  const weight = replaceAbsent(o, chunks.present && inner(chunks.present), o.exp(o.sub(exponent, m)), 0);
  const powers = powersOf(o, { k, v: inner(chunks.v), weight }, order);
  const [w2, n] = [powers.length, axisSize(o, k, 2)];
  const sums = o.concat(
    powers.map((x) => o.reshape(o.sum(x, -1), [1, N, d, n])),
    0,
  );
  const own = { m: o.reshape(m, [N, d, n]), s: o.transpose(sums, [1, 2, 3, 0]) }; // [N, d, n, 2 w]
  const first = start && {
    m: o.transpose(start.m, [0, 2, 1]),
    s: o.reshape(o.transpose(start.s, [0, 2, 1]), [N, d, 1, w2]),
  };
  const earlier = exclusivePrefix(o, rescaledScan(o, own, first), first);
  return {
    m: o.reshape(o.transpose(earlier.m, [0, 2, 1]), [1, N, n, d]),
    s: o.reshape(o.transpose(earlier.s, [3, 0, 2, 1]), [1, timesDim(N, w2), n, d]),
  };
}

/** Returns the sums that each row reads, `m` and 2 w tensors `s`, all `[c, N, n, d]`, and those after the last token. */
function runSteps<T>(
  o: Ops<T>,
  { k, v, exponent, present }: Tokens<T>,
  before: Before<T> | undefined,
  order: number,
): { rows: { m: T; s: readonly T[] }; left: Sums<T> } {
  const [c, N, n, d] = o.shape(k) as [number, Dim, Dim, number];
  const row = (x: T, t: number) => (c === 1 ? x : o.slice(x, 0, t, t + 1));
  const largest: T[] = [];
  for (let t = 0; t < c; t++) {
    const past = largest[t - 1] ?? before?.m;
    largest.push(past === undefined ? row(exponent, t) : o.maximum(past, row(exponent, t)));
  }
  const m = c === 1 ? largest[0]! : o.concat(largest, 0);
  const weight = replaceAbsent(o, present, o.exp(o.sub(exponent, m)), 0);
  const powers = powersOf(o, { k, v, weight }, order);
  const w2 = powers.length;
  const tokens = o.concat(powers, 1); // [c, 2 w N, n, d]
  const sums: T[] = [];
  for (let t = 0; t < c; t++) {
    const past = t === 0 ? before : { m: largest[t - 1]!, s: sums[t - 1]! };
    if (past === undefined) {
      sums.push(row(tokens, t));
      continue;
    }
    const decay = o.exp(o.sub(past.m, largest[t]!)); // [1, N, n, d]
    sums.push(o.add(o.mul(past.s, o.concat(Array<T>(w2).fill(decay), 1)), row(tokens, t)));
  }
  const byPower = o.concat(
    sums.map((x) => o.reshape(x, [w2, 1, N, n, d])),
    1,
  );
  const end = o.slice(o.reshape(sums[c - 1]!, [w2, N, n, d]), 2, minusDim(n, 1), n);
  return {
    rows: { m, s: powers.map((_, p) => o.reshape(o.slice(byPower, 0, p, p + 1), [c, N, n, d])) },
    left: {
      m: o.reshape(o.slice(largest[c - 1]!, 2, minusDim(n, 1), n), [N, 1, d]),
      s: o.reshape(o.transpose(end, [1, 0, 2, 3]), [N, w2, d]),
    },
  };
}
