import type { Block, Causal } from "./block.ts";
import { arange, axisSize, indicesAlong, onesAlong } from "./derived-ops.ts";
import { lowestFinite } from "./limits.ts";
import type { Ops } from "./ops.ts";
import { type Dim, isKnown, requireSameDim } from "./sizes.ts";

/** Distances `[left, right]` around a query's own position; Infinity is unlimited. (SEMANTICS S7) */
export type Window = readonly [left: number, right: number];

export interface PastKeys<T> {
  /** Keys in the state, `[B, Hkv, P, d]`. */
  readonly k?: T | undefined;
  /** 1 for the keys that are present, 0 for those a key mask removed, `[B, P + S]`. */
  readonly keep?: T | undefined;
}

/**
 * Which keys each query may attend to, non-zero = yes, broadcasting to `[B, Hq, L, P + S]`; nothing where all may.
 * Positions are relative to the first key of this block, so no past length enters the program. With causal `"end"` a
 * symbolic L must be S: throws `ATTN_UNSUPPORTED` otherwise. (SEMANTICS S3, S4, S5, S7)
 */
export function visibleKeys<T>(
  o: Ops<T>,
  { q, k, mask, bias }: Block<T>,
  past: PastKeys<T>,
  causal: Causal,
  window?: Window,
): T | undefined {
  const L = axisSize(o, q, -2);
  const S = axisSize(o, k, -2);
  const first = causal === "end" ? firstPosition(L, S) : 0;
  const end = isKnown(L) && isKnown(S) ? S - 1 : Number.POSITIVE_INFINITY;
  const [left, right] = window ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const conditions: T[] = [];
  /** Each row's own position and `more`, at least `least`: `[L, 1]`. */
  const rows = (more: number, least = Number.NEGATIVE_INFINITY): T =>
    isKnown(L)
      ? o.constant(
          Array.from({ length: L }, (_, i) => Math.max(i + more, least)),
          [L, 1],
        )
      : o.reshape(o.add(order(o, q), more), [-1, 1]);
  const above = (a: T, b: T) => conditions.push(o.maximum(o.sub(a, b), 0));
  // Past keys are visible to every row, also to those that "end" places before this block.
  if (causal && first < end) above(rows(first + 1, 0), positions(o, past.k, k));
  if (first + right < end && !(causal && first >= 0)) above(rows(first + right + 1), positions(o, past.k, k));
  if (Number.isFinite(left)) above(positions(o, past.k, k), rows(first - left - 1));
  if (mask !== undefined) conditions.push(mask);
  if (past.keep !== undefined) {
    const [b, t] = o.shape(past.keep) as [Dim, Dim];
    conditions.push(o.reshape(past.keep, [b, 1, 1, t]));
  }
  if (bias !== undefined) conditions.push(finite(o, bias));
  if (conditions.length === 0) return undefined;
  return conditions.slice(1).reduce((all, c) => o.where(c, all, 0), conditions[0]!);
}

/** Position of the first query of a bottom-right block among its keys. */
function firstPosition(L: Dim, S: Dim): number {
  if (isKnown(L) && isKnown(S)) return S - L;
  requireSameDim('causal "end"', L, S);
  return 0;
}

/** Positions of the past keys and this block's, `[P + S]`, the block's first key at 0. */
function positions<T>(o: Ops<T>, past: T | undefined, own: T): T {
  const S = axisSize(o, own, -2);
  const P = past === undefined ? 0 : axisSize(o, past, -2);
  if (isKnown(P) && isKnown(S)) return arange(o, P + S, -P);
  if (past === undefined) return order(o, own);
  return o.concat([o.sub(order(o, past), o.sum(onesAlong(o, past, 2), 0)), order(o, own)], 0);
}

/** `0, 1, ...` for the tokens of `x [B, H, n, w]`, `[n]`. */
const order = <T>(o: Ops<T>, x: T): T => indicesAlong(o, x, 2);

/**
 * `exp(bias - max(bias, lowest))`, without comparing: 1 for a finite bias, 0 for -Infinity, and NaN, which is not zero
 * and so hides nothing, for NaN.
 */
const finite = <T>(o: Ops<T>, bias: T): T => o.exp(o.sub(bias, o.maximum(bias, lowestFinite(o))));
