import type { Block, Causal } from "./block.ts";
import { dim, iota } from "./derived.ts";
import type { Ops } from "./ops.ts";

/** Distances `[left, right]` around a query's own position; Infinity is unlimited. (SEMANTICS S7) */
export type Window = readonly [left: number, right: number];

export interface Past<T> {
  /** Keys in the state, `[B, Hkv, P, d]`. */
  readonly k?: T | undefined;
  /** 1 for the keys that are present, 0 for those a key mask removed, `[B, P + S]`. */
  readonly keep?: T | undefined;
}

/**
 * Which keys each query may attend to, non-zero = yes, broadcasting to `[B, Hq, L, P + S]`; nothing where all may.
 * Positions are relative to the first key of this block, so no past length enters the program. (SEMANTICS S3, S4, S5, S7)
 */
export function visible<T>(
  o: Ops<T>,
  { q, k, mask, bias }: Block<T>,
  past: Past<T>,
  causal: Causal,
  window?: Window,
): T | undefined {
  const L = dim(o, q, -2);
  const S = dim(o, k, -2);
  const first = causal === "end" ? S - L : 0;
  const [left, right] = window ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const conditions: T[] = [];
  const rows = (of: (i: number) => number) =>
    o.constant(
      Array.from({ length: L }, (_, i) => of(i)),
      [L, 1],
    );
  const upTo = (last: (i: number) => number) =>
    conditions.push(
      o.maximum(
        o.sub(
          rows((i) => last(i) + 1),
          positions(o, past.k, S),
        ),
        0,
      ),
    );
  // Past keys are visible to every row, also to those that "end" places before this block.
  if (causal && first < S - 1) upTo((i) => Math.max(i + first, -1));
  if (first + right < S - 1 && !(causal && first >= 0)) upTo((i) => i + first + right);
  if (Number.isFinite(left)) {
    conditions.push(
      o.maximum(
        o.sub(
          positions(o, past.k, S),
          rows((i) => i + first - left - 1),
        ),
        0,
      ),
    );
  }
  if (mask !== undefined) conditions.push(mask);
  if (past.keep !== undefined) {
    const [b, t] = o.shape(past.keep) as [number, number];
    conditions.push(o.reshape(past.keep, [b, 1, 1, t]));
  }
  if (bias !== undefined) conditions.push(finite(o, bias));
  if (conditions.length === 0) return undefined;
  return conditions.slice(1).reduce((all, c) => o.where(c, all, 0), conditions[0]!);
}

/** Positions of the past keys and this block's, `[P + S]`, the block's first key at 0. */
function positions<T>(o: Ops<T>, past: T | undefined, S: number): T {
  const own = iota(o, S);
  if (past === undefined) return own;
  const P = dim(o, past, -2);
  if (P >= 0) return iota(o, P + S, -P);
  // The past length is only known when the recorded program runs: count its keys.
  const one: T = [0, 1, 3].reduce<T>((x, axis) => o.slice(x, axis, 0, 1), past);
  const ones = o.reshape(o.where(one, 1, 1), [-1]);
  const [count, total] = [o.cumsum(ones, 0), o.sum(ones, 0)];
  return o.concat([o.sub(o.sub(count, total), 1), own], 0);
}

const LOWEST = -3.4028234663852886e38;
/** 1 where a bias is above -Infinity, else 0, without comparing: only -Infinity is below the lowest finite float32. */
const finite = <T>(o: Ops<T>, bias: T): T => o.where(o.sub(o.maximum(bias, LOWEST), bias), 0, 1);
