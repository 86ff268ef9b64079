import type { Block, Result } from "@attnkit/core";
import {
  axisSize,
  blockShape,
  clip,
  divideOrZero,
  extendCache,
  type How,
  hideScores,
  knownAxisSize,
  largestScore,
  logOrMinusInfinity,
  lowestFinite,
  type Ops,
} from "@attnkit/core/program";

/** Softmax over the keys of `2 q_ic k_jc - k_jc^2`, channel by channel (Feng 2025, eq. 1-3). O(L S d) time and memory. */
export function exact<T>(o: Ops<T>, block: Block<T>, { causal, lse, state }: How): Result<T> {
  const keys = extendCache(o, block, causal);
  const [b, hq, L, d] = blockShape(o, block.q);
  const hkv = knownAxisSize(o, keys.k, 1);
  const heads = Array.from({ length: hq }, (_, h) => Math.floor((h * hkv) / hq));
  const repeated = (x: T) => (hq === hkv ? x : o.take(x, 1, heads));
  const keysOf = (x: T) => o.reshape(repeated(x), [b, hq, 1, axisSize(o, x, 2), d]);
  const perChannel = (x: T) => o.reshape(x, [...o.shape(x), 1]);

  const limit = Math.sqrt(largestScore(o.dtype) / 3); // |k (2 q - k)| is at most 3 limit^2
  const q = o.reshape(clip(o, block.q, limit), [b, hq, L, 1, d]);
  const k = keysOf(clip(o, keys.k, limit));
  const distance = o.mul(k, o.sub(o.mul(q, 2), k)); // [B, Hq, L, T, d]
  const biased = block.bias === undefined ? distance : o.add(distance, perChannel(block.bias));
  const seen = keys.visible === undefined ? undefined : perChannel(keys.visible);
  const scores = hideScores(o, biased, { visible: seen, causalOnly: keys.causalOnly });
  const largest = o.max(scores, -2);
  const top = axisSize(o, keys.k, 2) === 0 ? o.maximum(largest, lowestFinite(o)) : largest; // [B, Hq, L, 1, d]
  const e = o.exp(o.sub(scores, top));
  const weights = seen === undefined || keys.causalOnly ? e : o.where(seen, e, 0);
  const sum = o.sum(weights, -2);
  const flat = (x: T) => o.reshape(x, [b, hq, L, d]);
  return {
    y: flat(divideOrZero(o, o.sum(o.mul(weights, keysOf(keys.v)), -2), sum)),
    state: state === false ? {} : keys.state,
    ...(lse && { lse: flat(o.add(top, logOrMinusInfinity(o, sum))) }),
  };
}
