import type { Block, Result } from "@attnkit/core";
import {
  axisSize,
  blockShape,
  clip,
  everyRowSeesAllKeys,
  type How,
  headGroupSize,
  isKnown,
  type Ops,
} from "@attnkit/core/program";
import { causalSeries } from "./causal.ts";
import { combineSums, type Sums, seenBefore, stateOf, tokensOf, totalOf } from "./sums.ts";
import { answer, readOne, seriesLimit, termsOf } from "./terms.ts";

/** The series form, O(L) (Feng 2025, eq. 7-16): sums over keys, read by the powers of each query. */
export function series<T>(o: Ops<T>, block: Block<T>, how: How, order: number): Result<T> {
  const [B, hkv, S, d] = blockShape(o, block.k);
  const [, hq, L] = blockShape(o, block.q);
  const limit = seriesLimit(order);
  const tokens = tokensOf(o, block, limit);
  const q = clip(o, block.q, limit);
  const start = block.state && seenBefore(o, block.state);
  const kept = (sums: Sums<T>) => (how.state === false ? {} : stateOf(o, sums, B, hkv));
  if (!everyRowSeesAllKeys(L, S, how.causal)) {
    const { left, ...rows } = causalSeries(o, { q, tokens, start }, how, order);
    return { ...rows, state: kept(left) };
  }
  const own = totalOf(o, tokens, order);
  const seen = start === undefined ? own : combineSums(o, start, own);
  const N = axisSize(o, seen.m, 0);
  const terms = termsOf(o, o.reshape(q, [N, headGroupSize(hq, hkv), L, d]), order);
  const exponent = o.reshape(seen.m, [N, 1, 1, d]);
  const { y, lse } = answer(o, readOne(o, terms, seen.s), exponent, {
    terms,
    lse: how.lse,
    everyRowSeesKeys: tokens.present === undefined && isKnown(S) && S > 0,
  });
  const flat = (x: T) => o.reshape(x, [B, hq, L, d]);
  return { y: flat(y), state: kept(seen), ...(lse !== undefined && { lse: flat(lse) }) };
}
