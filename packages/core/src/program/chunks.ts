import type { Causal } from "./block.ts";
import {
  axisSize,
  blockShape,
  foldQueryHeads,
  headGroupSize,
  knownAxisSize,
  pad,
  shiftAlong,
  tril,
  unfoldQueryHeads,
} from "./derived-ops.ts";
import type { Ops } from "./ops.ts";
import {
  type Dim,
  isKnown,
  minusDim,
  multipleOf,
  partsOf,
  plusDim,
  requireKnown,
  requireSameDim,
  timesDim,
} from "./sizes.ts";
import { visibleKeys } from "./visibility.ts";

/** Where a block's queries and keys sit on one common axis of positions. */
export interface AlignedPositions<D extends Dim = Dim> {
  /** Positions before the first query and before the first key. */
  readonly q: number;
  readonly k: number;
  /** The length of the common axis; symbolic where those of queries and keys are. */
  readonly length: D;
}

/**
 * Queries and keys of a causal block on one axis: top-left (`true`) or bottom-right (`"end"`). A symbolic L must be S:
 * throws `ATTN_UNSUPPORTED` otherwise. (SEMANTICS S3)
 */
export function alignPositions(L: number, S: number, causal: Causal): AlignedPositions<number>;
export function alignPositions(L: Dim, S: Dim, causal: Causal): AlignedPositions;
export function alignPositions(L: Dim, S: Dim, causal: Causal): AlignedPositions {
  if (!isKnown(L) || !isKnown(S)) return { q: 0, k: 0, length: requireSameDim("alignPositions", L, S) };
  const length = Math.max(L, S, 1);
  return causal === "end" ? { q: length - L, k: length - S, length } : { q: 0, k: 0, length };
}

/** Returns whether every query sees every key, so that the sum over all keys serves all rows. */
export const everyRowSeesAllKeys = (L: Dim, S: Dim, causal: Causal): boolean =>
  !causal || [0, 1].some((n) => n === (causal === "end" ? L : S));

/**
 * Rows cut into chunks, batch and heads made one axis: `[B, H, n, w] -> [B * H, chunks, size, w]`. Row i lands on
 * position `at + i`; the other positions up to a multiple of `size` hold `value`.
 */
export function splitIntoChunks<T>(o: Ops<T>, x: T, at: number, length: Dim, size: number, value = 0): T {
  const [b, h, n, w] = blockShape(o, x);
  const chunks = partsOf(length, size);
  const after = requireKnown("splitIntoChunks", minusDim(timesDim(chunks, size), plusDim(n, at)));
  return o.reshape(pad(o, x, 2, at, after, value), [timesDim(b, h), chunks, size, w]);
}

/** Query heads and rows of a chunk side by side: `[B, Hq, L, w] -> [B * Hkv, chunks, G * size, w]`. */
export function splitQueriesIntoChunks<T>(o: Ops<T>, q: T, hkv: number, at: AlignedPositions, size: number): T {
  const [b, h, , w] = blockShape(o, q);
  const x = splitIntoChunks(o, q, at.q, at.length, size);
  if (h === hkv) return x;
  const [G, chunks] = [headGroupSize(h, hkv), axisSize(o, x, 1)];
  const grouped = o.transpose(o.reshape(x, [timesDim(b, hkv), G, chunks, size, w]), [0, 2, 1, 3, 4]);
  return o.reshape(grouped, [timesDim(b, hkv), chunks, G * size, w]);
}

/** The inverse of `splitQueriesIntoChunks`: the rows that were queries, `[B, Hq, L, w]`, for q `[B, Hq, L, d]`. */
export function joinChunks<T>(o: Ops<T>, x: T, q: T, at: AlignedPositions, size: number): T {
  const [b, hq, L] = blockShape(o, q);
  const [heads, chunks] = o.shape(x) as [Dim, Dim];
  const [G, w] = [knownAxisSize(o, x, 2) / size, knownAxisSize(o, x, 3)];
  const byHead = G === 1 ? x : o.transpose(o.reshape(x, [heads, chunks, G, size, w]), [0, 2, 1, 3, 4]);
  const length = timesDim(chunks, size);
  const all = o.reshape(byHead, [b, hq, length, w]);
  return L === length ? all : o.slice(all, 2, at.q, plusDim(L, at.q));
}

/** Longer chunks where there are many features: a chunk's state costs r (dv + 1) numbers whatever its length. */
export const chunkSizeForFeatures = (r: number): number =>
  Math.min(512, Math.max(64, 2 ** Math.round(Math.log2(r) / 2 + 3)));

/** `size`, or less where the length is less, or where less is known to divide a symbolic length. */
export const chunkSizeAtMost = (size: number, length: Dim): number => Math.min(size, multipleOf(length));

/** `Mechanism.granularity` of a mechanism that works in chunks of `size`: a short block is one short chunk. */
export const chunkGranularity = (size: number, length: number): number =>
  Math.min(size, Math.max(16, 2 ** Math.ceil(Math.log2(length))));

/** Lower-triangular ones for chunks that hold `G` query heads: `[G * size, size]`. */
export const causalChunkMask = <T>(o: Ops<T>, size: number, G: number): T =>
  G === 1 ? tril(o, size) : o.concat(Array<T>(G).fill(tril(o, size)), 0);

export interface FactoredInputs<T> {
  /** `[B, Hq, L, w]` */
  readonly q: T;
  /** `[B, Hkv, S, w]`, finite also for absent keys */
  readonly k: T;
  /** `[B, Hkv, S, e]`, 0 for absent keys */
  readonly values: T;
  /** `[B, Hkv, r, e]`: the sum over earlier keys */
  readonly carry?: T | undefined;
  /** The weights of pairs: `[.., m, w]`, `[.., n, w] -> [.., m, n]`. */
  weights(q: T, k: T): T;
  /** The sum `phi(k)^T values` of n keys: `[.., n, w]`, `[.., n, e] -> [.., r, e]`. */
  fold(k: T, values: T): T;
  /** The product `phi(q) sum`: `[.., m, w]`, `[.., r, e] -> [.., m, e]`. */
  read(q: T, sum: T): T;
}

export interface FactoredHow {
  readonly causal: Causal;
  /** Tokens of a chunk. Infinity makes the block one chunk of all its pairs, whatever its length. */
  readonly size: number;
  /** Says if the carried sum is wanted; absent means true. */
  readonly state?: boolean | undefined;
}

/**
 * Returns `sum over visible j of weights(q_i, k_j) values_j` for every row, `[B, Hq, L, e]`, and the carried sum after the
 * block, if it is wanted. Chunks of `size` run as one batch; a running sum combines their states. O(L) work and memory
 * for a finite size. (MATH 1.2)
 */
export function factoredSum<T>(o: Ops<T>, x: FactoredInputs<T>, how: FactoredHow): { sums: T; carry?: T } {
  const { q, k, values } = x;
  const { causal, size, state: kept = true } = how;
  const [, hq, L] = blockShape(o, q);
  const [b, hkv, S] = blockShape(o, k);
  const add = (a: T, s: T | undefined) => (s === undefined ? a : o.add(a, s));
  const total = () => add(x.fold(k, values), x.carry);
  const rows = foldQueryHeads(o, q, hkv);
  const unfold = (y: T) => unfoldQueryHeads(o, y, hq, L);
  if (size === Number.POSITIVE_INFINITY) {
    const pairs = unfold(x.weights(rows, k)); // [B, Hq, L, S]
    const visible = visibleKeys(o, { q, k, v: values }, {}, causal);
    const seen = visible === undefined ? pairs : o.mul(pairs, o.minimum(visible, 1));
    const own = o.matmul(foldQueryHeads(o, seen, hkv), values);
    return { sums: unfold(add(own, x.carry && x.read(rows, x.carry))), ...(kept && { carry: total() }) };
  }
  if (everyRowSeesAllKeys(L, S, causal)) {
    const carry = total();
    return { sums: unfold(x.read(rows, carry)), carry };
  }
  const at = alignPositions(L, S, causal);
  const n = chunkSizeAtMost(size, at.length);
  const queries = splitQueriesIntoChunks(o, q, hkv, at, n);
  const [keys, v] = [splitIntoChunks(o, k, at.k, at.length, n), splitIntoChunks(o, values, at.k, at.length, n)];
  const weights = o.mul(x.weights(queries, keys), causalChunkMask(o, n, headGroupSize(hq, hkv)));
  const inside = o.matmul(weights, v);
  const sums = (past: T | undefined) =>
    joinChunks(o, past === undefined ? inside : o.add(inside, x.read(queries, past)), q, at, n);
  const start = x.carry && o.reshape(x.carry, [timesDim(b, hkv), 1, ...o.shape(x.carry).slice(2)]);
  if (at.length === n && !kept) return { sums: sums(start) };
  const totals = x.fold(keys, v); // [B * Hkv, chunks, r, e]
  const [chunks, r, e] = o.shape(totals).slice(1) as [Dim, Dim, Dim];
  const running = chunks === 1 ? totals : o.cumsum(totals, 1);
  // Each chunk reads the sum before it; before the first without a carry there is none.
  const past = chunks === 1 ? start : add(shiftAlong(o, running, 1), start);
  if (!kept) return { sums: sums(past) };
  const carry = o.reshape(add(o.slice(running, 1, minusDim(chunks, 1), chunks), start), [b, hkv, r, e]);
  return { sums: sums(past), carry };
}
