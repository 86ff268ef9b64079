import type { Block, Causal, State } from "./block.ts";
import type { Dims } from "./call.ts";
import { axisSize, knownAxisSize, presentKeys, replaceAbsent } from "./derived-ops.ts";
import { lowestFinite } from "./limits.ts";
import type { StateEntry } from "./mechanism.ts";
import type { CacheOps, Ops } from "./ops.ts";
import { type Dim, isKnown } from "./sizes.ts";
import { visibleKeys, type Window } from "./visibility.ts";

/** Keys and values of the state followed by the block's own. */
export interface AppendedKeys<T> {
  /** `[B, Hkv, P + S, d]` and `[B, Hkv, P + S, dv]`, zero for absent keys */
  readonly k: T;
  readonly v: T;
  /** 1 for present keys, 0 for those that a key mask removed, `[B, P + S]`; nothing where none ever was. */
  readonly keep: T | undefined;
}

/** A block of a mechanism that keeps every key: what its rows read, which of it they may, and what to remember. */
export interface ExtendedCache<T> extends AppendedKeys<T> {
  /** Non-zero where row i may attend to key j, broadcasting to `[B, Hq, L, P + S]`; nothing where all may. */
  readonly visible: T | undefined;
  /** True if `visible` is 0 in the causal future alone and leaves every row a key, so that masks can be added or multiplied. */
  readonly causalOnly: boolean;
  readonly state: State<T>;
}

/** Keys and values of the state followed by the block's own, and the visibility of each pair. (SEMANTICS S3-S9) */
export function extendCache<T>(o: Ops<T>, block: Block<T>, causal: Causal, window?: Window): ExtendedCache<T> {
  const keys = appendKeys(o, block);
  const { k, v, keep } = keys;
  return {
    ...keys,
    visible: visibleKeys(o, block, { k: block.state?.k, keep }, causal, window),
    causalOnly: causalOnly(o, block, keep, causal, window),
    state: { k, v, ...(keep !== undefined && { keep }) },
  };
}

function causalOnly<T>(o: Ops<T>, block: Block<T>, keep: T | undefined, causal: Causal, window?: Window): boolean {
  if (!causal || window || keep !== undefined || block.mask !== undefined || block.bias !== undefined) return false;
  const [L, S] = [axisSize(o, block.q, 2), axisSize(o, block.k, 2)];
  return !isKnown(L) || !isKnown(S) || (S > 0 && (causal === true || L <= S));
}

/** A cache's masks, as `extendCache` returns them. */
type Hidden<T> = Pick<ExtendedCache<T>, "visible" | "causalOnly">;

/** Returns the scores with the lowest finite number, or a number too low to count beside it, for keys that are not visible. */
export function hideScores<T>(o: Ops<T>, scores: T, { visible, causalOnly }: Hidden<T>): T {
  if (visible === undefined) return scores;
  if (!causalOnly) return o.where(visible, scores, lowestFinite(o));
  // A select of the whole score matrix takes several times as long as a sum on tfjs and ONNX Runtime.
  return o.add(scores, o.mul(o.sub(o.minimum(visible, 1), 1), -lowestFinite(o)));
}

/** Returns the weights with 0 for keys that are not visible. */
export function hideWeights<T>(o: Ops<T>, weights: T, { visible, causalOnly }: Hidden<T>): T {
  if (visible === undefined) return weights;
  return causalOnly ? o.mul(weights, o.minimum(visible, 1)) : o.where(visible, weights, 0);
}

/** The cache after a block. (SEMANTICS S4, S9) */
export function appendKeys<T>(o: CacheOps<T>, block: Block<T>): AppendedKeys<T> {
  const own = presentKeys(o, block);
  const past = block.state;
  const [ownK, ownV] = [replaceAbsent(o, own, block.k, 0), replaceAbsent(o, own, block.v, 0)];
  const join = (a: T | undefined, b: T) => (a === undefined ? b : o.concat([a, b], 2));
  const [k, v] = [join(past?.k, ownK), join(past?.v, ownV)];
  return { k, v, keep: own === undefined && past?.keep === undefined ? undefined : keptOf(o, block, own) };
}

/** 1 for present keys, past ones first: `[B, P + S]`. */
function keptOf<T>(o: CacheOps<T>, { k, state }: Block<T>, own: T | undefined): T {
  const [b, , s] = o.shape(k) as [Dim, Dim, Dim];
  const now = own === undefined ? allKeysPresent(o, k) : o.reshape(own, [b, s]);
  return state === undefined ? now : o.concat([state.keep ?? allKeysPresent(o, state.k!), now], 1);
}

/** The state entries of a cache of keys and values. */
export const cacheEntries = ({ B, Hkv, d, dv }: Dims): Record<"k" | "v" | "keep", StateEntry> => ({
  k: { shape: [B, Hkv, "P", d] },
  v: { shape: [B, Hkv, "P", dv] },
  keep: { shape: [B, "P"], optional: true },
});

/** Caches of two shards one after the other: `k`, `v` along the keys, and `keep` (1 = present) where either has one. */
export function mergeCaches<T>(
  o: Ops<T>,
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
): Record<string, T> {
  const join = (of: (state: Readonly<Record<string, T>>) => T, axis: number) => o.concat([of(a), of(b)], axis);
  return {
    k: join((s) => s.k!, 2),
    v: join((s) => s.v!, 2),
    ...((a.keep ?? b.keep) !== undefined && { keep: join((s) => s.keep ?? allKeysPresent(o, s.k!), 1) }),
  };
}

/** Ones `[B, n]` for keys `[B, H, n, d]` that are all present. */
export function allKeysPresent<T>(o: CacheOps<T>, k: T): T {
  const [B, , n] = o.shape(k) as [Dim, Dim, Dim];
  if (isKnown(n) && isKnown(B)) return o.constant(new Float32Array(B * n).fill(1), [B, n]);
  const one = o.slice(o.slice(k, 1, 0, 1), 3, 0, Math.min(1, knownAxisSize(o, k, 3)));
  return o.reshape(o.where(one, 1, 1), [B, n]);
}
