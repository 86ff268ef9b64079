import type { CellResult, DecodeResult, PrefillResult } from "@attnkit/measure/results";
import { NOISY } from "./compare.ts";

/** The tokens of a prefill, or of the context of a decode. */
export const sizeOf = (p: PrefillResult | DecodeResult): number => ("length" in p ? p.length : p.context);

/** The timed sizes of a cell. */
export const pointsOf = (cell: CellResult, what: "prefill" | "decode"): readonly (PrefillResult | DecodeResult)[] =>
  cell[what];

/**
 * Returns the rank of a time among those of the same size: 1 plus the number of times whose whole 95 % interval lies
 * below its own, so that times that cannot be told apart share a rank. Returns "noisy" for a time that cannot be read,
 * and an empty text for one of a plain matrix product, which computes no attention, or of a software adapter.
 */
export function rankOf(
  cells: readonly CellResult[],
  what: "prefill" | "decode",
  cell: CellResult,
  p: PrefillResult | DecodeResult,
): string {
  if (p.interval === null || !ranked(cell)) return "";
  if (!p.interval.readable) return NOISY;
  const { low } = p.interval;
  const faster = cells
    .filter((c) => c.status === "ok" && ranked(c))
    .flatMap((c) => pointsOf(c, what).filter((x) => sizeOf(x) === sizeOf(p)))
    .filter(({ interval }) => interval?.readable && interval.high < low);
  return String(1 + faster.length);
}

const ranked = (c: CellResult): boolean => c.mechanism !== "" && !c.adapter?.software;
