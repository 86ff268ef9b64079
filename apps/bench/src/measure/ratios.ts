import { medianInterval, type Pairs, ratioInterval, ratioOfMedians, readable } from "@attnkit/measure/bootstrap";
import type { CellResult, DecodeResult, Interval, PrefillResult, Ratio } from "@attnkit/measure/results";

/**
 * Returns the ratios of median times of every attnkit cell on its backend to all baselines, and of other mechanisms to
 * attnkit's softmax. Below 1, the cell is faster.
 */
export function ratios(cells: readonly CellResult[]): Ratio[] {
  const timed = cells.filter((c) => c.status === "ok");
  return timed
    .filter((c) => c.baseline === null)
    .flatMap((cell) =>
      timed
        .filter((other) => other !== cell && other.backend === cell.backend && isBeside(cell, other))
        .flatMap((other) => [...compared(cell, other, "prefill"), ...compared(cell, other, "decode")]),
    );
}

/** Returns the 95 % interval of the median time of a size. */
export function intervalOf({ median, samples }: Pick<PrefillResult, "median" | "samples">): Interval {
  const bounds = medianInterval(samples);
  return { ...bounds, readable: readable(median, bounds, samples.length) };
}

/**
 * Returns the throughput of a prefill as a fraction of a plain matrix product on the same backend in the same run, or
 * null if there is none.
 */
export function shareOfMatmul(cells: readonly CellResult[], cell: CellResult, p: PrefillResult): number | null {
  const yardstick = cells.find((c) => c.backend === cell.backend && c.status === "ok" && isYardstick(c));
  const plain = yardstick?.prefill.find((x) => x.length === p.length);
  if (!plain || cell === yardstick || cell.adapter?.software) return null;
  return p.work / p.median / (plain.work / plain.median);
}

/** A plain product of matrices, which computes no mechanism. */
const isYardstick = (c: CellResult): boolean => c.baseline !== null && c.mechanism === "";

function isBeside(cell: CellResult, other: CellResult): boolean {
  if (other.baseline === null) return other.mechanism === "softmax" && cell.mechanism !== "softmax";
  return !isYardstick(other) && (other.baseline.beside?.includes(cell.mechanism) ?? true);
}

function compared(cell: CellResult, other: CellResult, what: "prefill" | "decode"): Ratio[] {
  const sizeOf = (x: PrefillResult | DecodeResult) => ("length" in x ? x.length : x.context);
  return cell[what].flatMap((own) => {
    const its = (other[what] as (PrefillResult | DecodeResult)[]).find((x) => sizeOf(x) === sizeOf(own));
    if (!its) return [];
    // Samples of one round were taken one after the other: whatever slowed the machine slowed both.
    const rounds = Math.min(own.samples.length, its.samples.length);
    const pairs = [{ own: own.samples.slice(0, rounds), other: its.samples.slice(0, rounds) }];
    const ratio = cell.adapter?.software || rounds === 0 ? null : ratioOf(pairs, rounds);
    return [{ cell: cell.id, against: other.id, what, size: sizeOf(own), rounds, ratio }];
  });
}

function ratioOf(pairs: readonly Pairs[], rounds: number): NonNullable<Ratio["ratio"]> {
  const value = ratioOfMedians(pairs);
  const bounds = ratioInterval(pairs);
  return { value, ...bounds, readable: readable(value, bounds, rounds) };
}
