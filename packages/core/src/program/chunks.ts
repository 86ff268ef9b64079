import type { Causal } from "./block.ts";
import {
  axisSize,
  foldQueryHeads,
  headGroupSize,
  pad,
  shiftAlong,
  transposeLast,
  tril,
  unfoldQueryHeads,
} from "./derived-ops.ts";
import type { Ops } from "./ops.ts";
import { visibleKeys } from "./visibility.ts";

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

/** Whether every query sees every key, so that the sum over all keys serves all rows. */
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
  /** `[B, Hq, L, w]` and `[B, Hkv, S, w]`: the inputs of the feature map, and of `weights`. */
  readonly q: T;
  readonly k: T;
  /** `[B, Hq, L, r]`; called once, and only where a row reads a sum. */
  phiQ(): T;
  /** `[B, Hkv, S, r]`, finite also for absent keys; called once, and only where keys are summed up. */
  phiK(): T;
  /** `[B, Hkv, S, e]`, 0 for absent keys */
  readonly values: T;
  /** `[B, Hkv, r, e]`: sum over earlier keys of phiK^T values */
  readonly carry?: T | undefined;
  /** Weights of pairs where they are cheaper than phiQ phiK^T: from `[.., m, w]` and `[.., n, w]`. */
  weights?(q: T, k: T): T;
}

/** How `factoredSum` runs: `size` is the tokens of a chunk, `state` whether the carried sum is wanted. */
export interface FactoredHow {
  readonly causal: Causal;
  /** Infinity makes the block one chunk of all its pairs, whatever its length. That needs `weights`. */
  readonly size: number;
  /** Absent means true. */
  readonly state?: boolean | undefined;
}

/**
 * Returns `sum over visible j of (phiQ_i . phiK_j) values_j` for every row, `[B, Hq, L, e]`, and the carried sum after the
 * block, if it is wanted. Chunks of `size` run as one batch; a running sum combines their states. O(L) work and memory
 * for a finite size. (MATH 1.2)
 */
export function factoredSum<T>(o: Ops<T>, x: FactoredInputs<T>, how: FactoredHow): { sums: T; carry?: T } {
  const { values } = x;
  const { causal, size, state: kept = true } = how;
  const [, hq, L] = o.shape(x.q) as [number, number, number];
  const [b, hkv, S] = o.shape(x.k) as [number, number, number];
  const e = axisSize(o, values, -1);
  const add = (a: T, s: T | undefined) => (s === undefined ? a : o.add(a, s));
  const total = () => add(o.matmul(transposeLast(o, x.phiK()), values), x.carry);
  const read = (carry: T) => unfoldQueryHeads(o, o.matmul(foldQueryHeads(o, x.phiQ(), hkv), carry), hq, L);
  if (size === Number.POSITIVE_INFINITY && x.weights) {
    const pairs = unfoldQueryHeads(o, x.weights(foldQueryHeads(o, x.q, hkv), x.k), hq, L); // [B, Hq, L, S]
    const visible = visibleKeys(o, { q: x.q, k: x.k, v: values }, {}, causal);
    const seen = visible === undefined ? pairs : o.mul(pairs, o.minimum(visible, 1));
    const own = unfoldQueryHeads(o, o.matmul(foldQueryHeads(o, seen, hkv), values), hq, L);
    return { sums: add(own, x.carry && read(x.carry)), ...(kept && { carry: total() }) };
  }
  if (everyRowSeesAllKeys(L, S, causal)) {
    const carry = total();
    return { sums: read(carry), carry };
  }
  const at = alignPositions(L, S, causal);
  const n = chunkSizeAtMost(size, at.length);
  const single = at.length === n;
  const keys = (k: T) => splitIntoChunks(o, k, at.k, at.length, n);
  const queries = (q: T) => splitQueriesIntoChunks(o, q, hkv, at, n);
  const [phiQ, phiK, v] = [once(() => queries(x.phiQ())), once(() => keys(x.phiK())), keys(values)];
  const weights = x.weights ? x.weights(queries(x.q), keys(x.k)) : o.matmul(phiQ(), transposeLast(o, phiK()));
  const inside = o.matmul(o.mul(weights, causalChunkMask(o, n, headGroupSize(hq, hkv))), v);
  const joined = (sums: T) => joinChunks(o, sums, x.q, at, n);
  const r = () => axisSize(o, phiK(), -1);
  const start = x.carry && o.reshape(x.carry, [b * hkv, 1, ...o.shape(x.carry).slice(2)]);
  if (single && !kept) return { sums: joined(start === undefined ? inside : o.add(inside, o.matmul(phiQ(), start))) };
  const totals = o.matmul(transposeLast(o, phiK()), v); // [B * Hkv, chunks, r, e]
  const chunks = axisSize(o, totals, 1);
  const running = chunks === 1 ? totals : o.cumsum(totals, 1);
  // What each chunk reads is the sum before it; before the first without a carry there is none.
  const past = chunks === 1 ? start : add(shiftAlong(o, running, 1), start);
  const sums = joined(past === undefined ? inside : o.add(inside, o.matmul(phiQ(), past)));
  if (!kept) return { sums };
  return { sums, carry: o.reshape(add(o.slice(running, 1, chunks - 1, chunks), start), [b, hkv, r(), e]) };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
