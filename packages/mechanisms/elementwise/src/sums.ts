import type { Block, State } from "@attnkit/core";
import {
  axisSize,
  blockShape,
  clip,
  type Dim,
  EMPTY_EXPONENT,
  knownAxisSize,
  type Ops,
  presentKeys,
  replaceAbsent,
  timesDim,
} from "@attnkit/core/program";

/**
 * Sums over keys with their running maximum: `m [N, 1, d]`, the largest `-k^2`, and `s [N, 2 w, d]`, the sums of
 * `exp(-k^2 - m) k^p v`, then of `exp(-k^2 - m) k^p`, for p = 0..order. N = B Hkv, w = order + 1.
 */
export interface Sums<T> {
  readonly m: T;
  readonly s: T;
}

/** The keys and values of a block, `[B, Hkv, S, d]` each. */
export interface Tokens<T> {
  /** 0 for absent keys. */
  readonly k: T;
  /** 0 for absent keys. */
  readonly v: T;
  /** `-k^2`, `EMPTY_EXPONENT` for absent keys. */
  readonly exponent: T;
  /** 1 and 0, `[B, 1, S, 1]`; nothing where every key is present. */
  readonly present: T | undefined;
}

export function tokensOf<T>(o: Ops<T>, block: Block<T>, limit: number): Tokens<T> {
  const present = presentKeys(o, block);
  const k = clip(o, replaceAbsent(o, present, block.k, 0), limit);
  return {
    k,
    v: replaceAbsent(o, present, block.v, 0),
    exponent: replaceAbsent(o, present, o.mul(o.mul(k, k), -1), EMPTY_EXPONENT),
    present,
  };
}

/**
 * Returns `weight k^p v`, then `weight k^p`, p = 0..order: tensors of the shape of k. They are not joined, because
 * broadcasts and narrow axes take some frameworks many times as long as operations on equal shapes.
 */
export function powersOf<T>(o: Ops<T>, { k, v, weight }: { k: T; v: T; weight: T }, order: number): T[] {
  const powers = [weight];
  for (let p = 1; p <= order; p++) powers.push(o.mul(powers[p - 1]!, k));
  return [...powers.map((x) => o.mul(x, v)), ...powers];
}

/** Returns the sums over all keys. */
export function totalOf<T>(o: Ops<T>, { k, v, exponent, present }: Tokens<T>, order: number): Sums<T> {
  const [B, hkv, S, d] = blockShape(o, k);
  const rows = (x: T) => o.reshape(x, [timesDim(B, hkv), S, d]);
  const largest = S === 1 ? exponent : o.max(exponent, 2);
  const m = S === 0 ? o.maximum(largest, EMPTY_EXPONENT) : largest; // [B, Hkv, 1, d]
  const weight = replaceAbsent(o, present, o.exp(o.sub(exponent, m)), 0);
  const powers = powersOf(o, { k: rows(k), v: rows(v), weight: rows(weight) }, order);
  const s = o.concat(S === 1 ? powers : powers.map((x) => o.sum(x, 1)), 1);
  return { m: o.reshape(m, [timesDim(B, hkv), 1, d]), s };
}

export function combineSums<T>(o: Ops<T>, a: Sums<T>, b: Sums<T>): Sums<T> {
  const m = o.maximum(a.m, b.m);
  const part = (x: Sums<T>) => o.mul(x.s, o.exp(o.sub(x.m, m)));
  return { m, s: o.add(part(a), part(b)) };
}

/** The state as sums. */
export function seenBefore<T>(o: Ops<T>, { mu, s, z }: State<T>): Sums<T> {
  const [B, hkv, w, d] = blockShape(o, s!);
  const N = timesDim(B, hkv);
  return { m: o.reshape(mu!, [N, 1, d]), s: o.reshape(o.concat([s!, z!], 2), [N, timesDim(w, 2), d]) };
}

/** The sums as a state: `mu [B, Hkv, 1, d]`, `s` and `z [B, Hkv, w, d]`. */
export function stateOf<T>(o: Ops<T>, { m, s }: Sums<T>, B: Dim, hkv: number): State<T> {
  const [w, d] = [knownAxisSize(o, s, 1) / 2, axisSize(o, s, 2)];
  const both = o.reshape(s, [B, hkv, 2 * w, d]);
  return {
    mu: o.reshape(m, [B, hkv, 1, d]),
    s: o.slice(both, 2, 0, w),
    z: o.slice(both, 2, w, 2 * w),
  };
}

export function mergeSeries<T>(o: Ops<T>, a: State<T>, b: State<T>): State<T> {
  const [B, hkv] = blockShape(o, a.mu!);
  return stateOf(o, combineSums(o, seenBefore(o, a), seenBefore(o, b)), B, hkv);
}
