import { type Pairs, ratioInterval, ratioOfMedians } from "@attnkit/measure/bootstrap";

/** Where a curve crosses 1: at about `tokens`, below the shortest context that was measured, or above the longest. */
export interface Crossing {
  readonly where: "below" | "at" | "above";
  readonly tokens: number;
}

/** The context from which a mechanism decodes faster than softmax, and the ends of its 95 % interval. */
export interface TimeCrossover extends Crossing {
  readonly low: Crossing;
  readonly high: Crossing;
}

/** Samples of one context, element i of both from the same round. */
export interface Context extends Pairs {
  readonly tokens: number;
}

/**
 * Returns the context from which `own` takes less time than `other` at every longer context that was measured. Between
 * two contexts the ratio is taken for a straight line on logarithmic axes. Returns null for fewer than two contexts.
 */
export function timeCrossover(contexts: readonly Context[]): TimeCrossover | null {
  if (contexts.length < 2) return null;
  const curves = contexts
    .toSorted((a, b) => a.tokens - b.tokens)
    .map(({ tokens, own, other }) => {
      const rounds = Math.min(own.length, other.length);
      const pairs = [{ own: own.slice(0, rounds), other: other.slice(0, rounds) }];
      return { tokens, ratio: ratioOfMedians(pairs), ...ratioInterval(pairs) };
    });
  const of = (pick: (x: (typeof curves)[number]) => number) =>
    crossing(curves.map((x) => ({ tokens: x.tokens, ratio: pick(x) })));
  return { ...of((x) => x.ratio), low: of((x) => x.low), high: of((x) => x.high) };
}

/** Returns where the ratio falls below 1 for good. The points are sorted by tokens. */
export function crossing(points: readonly { readonly tokens: number; readonly ratio: number }[]): Crossing {
  const last = points.findLastIndex(({ ratio }) => ratio >= 1);
  if (last === points.length - 1) return { where: "above", tokens: points[last]!.tokens };
  const [from, to] = [points[last], points[last + 1]!];
  if (!from) return { where: "below", tokens: to.tokens };
  const share = Math.log(from.ratio) / Math.log(from.ratio / to.ratio);
  return { where: "at", tokens: from.tokens * (to.tokens / from.tokens) ** share };
}

/** The bytes of a state after P tokens: `fixed + perToken P`. */
export interface StateSize {
  readonly fixed: number;
  readonly perToken: number;
}

/** Returns the smallest number of tokens, at least 1, from which `own` is smaller than `other`; null if there is none. */
export function bytesCrossover(own: StateSize, other: StateSize): number | null {
  const [rise, ahead] = [other.perToken - own.perToken, own.fixed - other.fixed];
  if (rise < 0 || (rise === 0 && ahead >= 0)) return null;
  return rise === 0 ? 1 : Math.max(1, Math.floor(ahead / rise) + 1);
}
