import type { Causal } from "./block.ts";
import { axisSize, headGroupSize, pad, shiftAlong, transposeLast, tril } from "./derived-ops.ts";
import type { Ops } from "./ops.ts";

/** Where a block's queries and keys sit on one common axis of positions. */
export interface AlignedPositions {
  /** Positions before the first query and before the first key. */
  readonly q: number;
  readonly k: number;
  /** The length of the common axis. */
  readonly length: number;
}

/**
 * Queries and keys of a causal block on one axis: top-left (`true`) or bottom-right (`"end"`). Where a recorded program
 * leaves L open, the queries are those of the keys. (SEMANTICS S3)
 */
export function alignPositions(L: number, S: number, causal: Causal): AlignedPositions {
  if (L < 0) return { q: 0, k: 0, length: L };
  const length = Math.max(L, S, 1);
  return causal === "end" ? { q: length - L, k: length - S, length } : { q: 0, k: 0, length };
}

/** Returns whether every query sees every key. The sum over all keys then serves all rows. */
export const everyRowSeesAllKeys = (L: number, S: number, causal: Causal): boolean =>
  !causal || [0, 1].includes(causal === "end" ? L : S);

/**
 * Rows cut into chunks, batch and heads made one axis: `[B, H, n, w] -> [B * H, chunks, size, w]`. Row i lands on
 * position `at + i`; the other positions up to a multiple of `size` hold `value`.
 */
export function splitIntoChunks<T>(o: Ops<T>, x: T, at: number, length: number, size: number, value = 0): T {
  const [b, h, n, w] = o.shape(x) as [number, number, number, number];
  const chunks = Math.ceil(length / size);
  return o.reshape(pad(o, x, 2, at, chunks * size - at - n, value), [b * h, chunks, size, w]);
}

/** Query heads and rows of a chunk side by side: `[B, Hq, L, w] -> [B * Hkv, chunks, G * size, w]`. */
export function splitQueriesIntoChunks<T>(o: Ops<T>, q: T, hkv: number, at: AlignedPositions, size: number): T {
  const [b, h, , w] = o.shape(q) as [number, number, number, number];
  const x = splitIntoChunks(o, q, at.q, at.length, size);
  if (h === hkv) return x;
  const [G, chunks] = [headGroupSize(h, hkv), axisSize(o, x, 1)];
  const grouped = o.transpose(o.reshape(x, [b * hkv, G, chunks, size, w]), [0, 2, 1, 3, 4]);
  return o.reshape(grouped, [b * hkv, chunks, G * size, w]);
}

/** The inverse of `chunkedQueries`: the rows that were queries, `[B, Hq, L, w]`, for q `[B, Hq, L, d]`. */
export function joinChunks<T>(o: Ops<T>, x: T, q: T, at: AlignedPositions, size: number): T {
  const [b, hq, L] = o.shape(q) as [number, number, number];
  const [heads, chunks, rows, w] = o.shape(x) as [number, number, number, number];
  const G = rows / size;
  const byHead = G === 1 ? x : o.transpose(o.reshape(x, [heads, chunks, G, size, w]), [0, 2, 1, 3, 4]);
  const all = o.reshape(byHead, [b, hq, chunks * size, w]);
  return L === chunks * size ? all : o.slice(all, 2, at.q, at.q + L);
}

/** Longer chunks where there are many features: a chunk's state costs r (dv + 1) numbers whatever its length. */
export const chunkSizeForFeatures = (r: number): number =>
  Math.min(512, Math.max(64, 2 ** Math.round(Math.log2(r) / 2 + 3)));

/** `size`, or less where the length is less, or where less is known to divide a length that is left open. */
export const chunkSizeAtMost = (size: number, length: number): number => Math.min(size, Math.abs(length));

/** `Mechanism.granularity` of a mechanism that works in chunks of `size`: a short block is one short chunk. */
export const chunkGranularity = (size: number, length: number): number =>
  Math.min(size, Math.max(16, 2 ** Math.ceil(Math.log2(length))));

/** Lower-triangular ones for chunks that hold `G` query heads: `[G * size, size]`. */
export const causalChunkMask = <T>(o: Ops<T>, size: number, G: number): T =>
  G === 1 ? tril(o, size) : o.concat(Array<T>(G).fill(tril(o, size)), 0);

export interface FactoredInputs<T> {
  /** `[B, Hq, L, r]` */
  readonly phiQ: T;
  /** `[B, Hkv, S, r]`, finite also for absent keys */
  readonly phiK: T;
  /** `[B, Hkv, S, e]`, 0 for absent keys */
  readonly values: T;
  /** `[B, Hkv, r, e]`: sum over earlier keys of phiK^T values */
  readonly carry?: T | undefined;
  /** Weights of a chunk's own keys where they are cheaper than phiQ phiK^T: from `[.., m, w]` and `[.., n, w]`. */
  readonly own?: { readonly q: T; readonly k: T; weights(q: T, k: T): T } | undefined;
}

/**
 * `sum over visible j of (phiQ_i . phiK_j) values_j` for every row, `[B, Hq, L, e]`, and the carried sum after the block.
 * Chunks of `size` run as one batch; their states are combined by a running sum. O(L) work and memory. (MATH 1.2)
 */
export function factoredSum<T>(o: Ops<T>, x: FactoredInputs<T>, causal: Causal, size: number): { sums: T; carry: T } {
  const { phiQ, phiK, values } = x;
  const [, hq, L] = o.shape(phiQ) as [number, number, number];
  const [b, hkv, S, r] = o.shape(phiK) as [number, number, number, number];
  const e = axisSize(o, values, -1);
  const add = (a: T, s: T | undefined) => (s === undefined ? a : o.add(a, s));
  if (everyRowSeesAllKeys(L, S, causal)) {
    const carry = add(o.matmul(transposeLast(o, phiK), values), x.carry);
    const rows = o.reshape(phiQ, [b, hkv, headGroupSize(hq, hkv) * L, r]);
    return { sums: o.reshape(o.matmul(rows, carry), [b, hq, L, e]), carry };
  }
  const at = alignPositions(L, S, causal);
  const n = chunkSizeAtMost(size, at.length);
  const keys = (k: T) => splitIntoChunks(o, k, at.k, at.length, n);
  const [q, k, v] = [splitQueriesIntoChunks(o, phiQ, hkv, at, n), keys(phiK), keys(values)];
  const weights = x.own
    ? x.own.weights(splitQueriesIntoChunks(o, x.own.q, hkv, at, n), keys(x.own.k))
    : o.matmul(q, transposeLast(o, k));
  const inside = o.matmul(o.where(causalChunkMask(o, n, headGroupSize(hq, hkv)), weights, 0), v);
  const totals = o.matmul(transposeLast(o, k), v); // [B * Hkv, chunks, r, e]
  const chunks = axisSize(o, totals, 1);
  const start = x.carry && o.reshape(x.carry, [b * hkv, 1, r, e]);
  const running = chunks === 1 ? totals : o.cumsum(totals, 1);
  const carry = o.reshape(add(o.slice(running, 1, chunks - 1, chunks), start), [b, hkv, r, e]);
  // Each chunk reads the sum before it. Without a carry, the first chunk has none.
  const past = chunks === 1 ? start : add(shiftAlong(o, running, 1), start);
  const sums = past === undefined ? inside : o.add(inside, o.matmul(q, past));
  return { sums: joinChunks(o, sums, phiQ, at, n), carry };
}
