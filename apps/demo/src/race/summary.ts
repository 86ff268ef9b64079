/** Words for lanes and races: sizes and reasons beside the numbers that they belong to. */
import type { LaneResult, PointResult, RaceOptions, What } from "./results.ts";

export const lastOf = (lane: LaneResult, what: What): PointResult | undefined =>
  lane.points
    .filter((p) => p.what === what)
    .reduce<PointResult | undefined>((a, b) => (a && a.size > b.size ? a : b), undefined);

/** The contexts of the times that a row shows; both where they differ. */
export function contextOf(lane: LaneResult): string {
  const [prefill, decode] = [lastOf(lane, "prefill")?.size, lastOf(lane, "decode")?.size];
  if (prefill === undefined || decode === undefined || prefill === decode) return String(prefill ?? decode ?? "–");
  return `${prefill} prefill, ${decode} decode`;
}

/** Why a lane ends early: the first size that was left out, of prefill and of decode. */
export function stopsOf({ leftOut }: LaneResult): string[] {
  return (["prefill", "decode"] as const).flatMap((what) => {
    const left = leftOut.filter((l) => l.what === what);
    if (left.length === 0) return [];
    const first = left.reduce((a, b) => (b.size < a.size ? b : a));
    return [`${what} stops before ${first.size.toLocaleString("en")} tokens: ${first.reason}`];
  });
}

export function described({ heads, dim, rounds, limit, sizes }: RaceOptions): string {
  const to = Math.max(...sizes).toLocaleString("en");
  const s = (n: number, one: string) => `${n} ${one}${n === 1 ? "" : "s"}`;
  return `${s(heads, "head")} of ${s(dim, "channel")}, up to ${to} tokens, ${s(rounds, "sample")} of each, calls of at most ${limit} s.`;
}

/** True where results of `a` are those that a race with `b` would give. A stand-in for a lost device is one backend more. */
export function sameRace(a: RaceOptions, b: RaceOptions): boolean {
  const plain = (o: RaceOptions) => JSON.stringify([o.sizes, o.heads, o.dim, o.rounds, o.limit, o.seed, o.mechanisms]);
  return plain(a) === plain(b) && b.backends.every((name) => a.backends.includes(name));
}
