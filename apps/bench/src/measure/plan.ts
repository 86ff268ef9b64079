import type { LeftOut, PlanItem } from "@attnkit/measure/results";

/** Something that could be measured, with its predicted times. */
export interface Candidate {
  readonly cell: string;
  readonly what: PlanItem["what"];
  readonly size: number;
  /** Predicted seconds per call. */
  readonly call: number;
  readonly calls: number;
  /** Predicted seconds before the first timed call: warm-up and the check against the reference. */
  readonly setup: number;
  /** True for a cell that is not attnkit's. */
  readonly baseline?: boolean;
  /** The reason why it cannot run at any budget. */
  readonly impossible?: string | undefined;
}

/** With fewer samples, quartiles mean nothing. */
export const FEWEST = 3;

/** The number of sizes per cell that come first: a growth exponent needs three. */
const FIRST = 3;

/**
 * Chooses what fits into `budget` seconds, with at least `atLeast` rounds each. First come the three shortest sizes of
 * every cell of attnkit, then those of baselines, then all others, the cheapest first in each group. The remaining time goes into more rounds, up to `rounds`, for
 * what is cheap to repeat.
 */
export function plan(
  candidates: readonly Candidate[],
  budget: number,
  rounds: number,
  atLeast: number = FEWEST,
): { items: PlanItem[]; leftOut: LeftOut[] } {
  const chosen: Candidate[] = [];
  const leftOut: LeftOut[] = [];
  let spent = 0;
  const fewest = Math.min(atLeast, rounds);
  const cheapest = candidates.toSorted((a, b) => least(a, fewest) - least(b, fewest));
  const order = (c: Candidate) => (rank(c, candidates) >= FIRST ? 2 : c.baseline ? 1 : 0);
  for (const c of cheapest.toSorted((a, b) => order(a) - order(b))) {
    const seconds = least(c, fewest);
    const { cell, what, size } = c;
    if (c.impossible !== undefined) leftOut.push({ cell, what, size, seconds, reason: c.impossible });
    else if (spent + seconds > budget) leftOut.push({ cell, what, size, seconds, reason: "time budget" });
    else {
      chosen.push(c);
      spent += seconds;
    }
  }
  const repeat = (limit: number) => (c: Candidate) =>
    c.what === "memory" ? 1 : Math.max(fewest, Math.min(rounds, Math.floor(limit / (c.call * c.calls))));
  const total = (limit: number) => chosen.reduce((sum, c) => sum + c.setup + c.call * c.calls * repeat(limit)(c), 0);
  let [low, high] = [0, budget];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (total(middle) <= budget) low = middle;
    else high = middle;
  }
  const items = chosen.map((c) => {
    const times = repeat(low)(c);
    const { cell, what, size, calls } = c;
    return { cell, what, size, calls, rounds: times, seconds: c.setup + c.call * calls * times };
  });
  return { items: ordered(items), leftOut: ordered(leftOut) };
}

/** Sorts short sizes before long ones: an interrupted run then has the short ones of every cell. */
function ordered<X extends { readonly what: PlanItem["what"]; readonly size: number }>(items: readonly X[]): X[] {
  const kinds = ["prefill", "decode", "memory"];
  return items.toSorted((a, b) => kinds.indexOf(a.what) - kinds.indexOf(b.what) || a.size - b.size);
}

/** Returns how many sizes of the same cell are shorter. */
const rank = (c: Candidate, all: readonly Candidate[]): number =>
  all.filter((x) => x.cell === c.cell && x.what === c.what && x.size < c.size).length;

const least = (c: Candidate, fewest: number): number => c.setup + c.call * c.calls * (c.what === "memory" ? 1 : fewest);
