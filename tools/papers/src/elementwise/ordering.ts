import { difference } from "../constant-cost/trained.ts";
import type { Ruling } from "../experiment.ts";
import type { Spread, Table } from "../table.ts";

/** Errors of EA-6 minus those of softmax and of EA-2, by seed: runs of one seed share first weights and data. */
export interface Ordering {
  readonly toSoftmax: Spread;
  readonly toSecond: Spread;
  /** The largest difference to softmax that counts as no worse. */
  readonly margin: number;
}

export function ordering(table: Table, error: string, margin: number): Ordering {
  return {
    toSoftmax: difference(table, error, "EA-6", "softmax"),
    toSecond: difference(table, error, "EA-6", "EA-2"),
    margin,
  };
}

/** The rule of the claims that compare trained models, in words. */
export const ORDERING_RULE: string =
  "Supported if in every setting the error of EA-6 is no worse than that of softmax and smaller than that of EA-2; not supported if in a setting it is " +
  "worse than softmax, or not smaller than EA-2; by 95 % intervals over seeds of differences between runs with equal first weights and data; otherwise not decidable.";

/** Applies {@link ORDERING_RULE}. NaN, which stands for divergence, decides nothing. */
export function ruleOrdering(all: readonly Ordering[]): Ruling {
  if (all.every(({ toSoftmax, toSecond, margin }) => toSoftmax.high <= margin && toSecond.high < 0)) return "supported";
  const refuted = all.some(({ toSoftmax, toSecond, margin }) => toSoftmax.low > margin || toSecond.low >= 0);
  return refuted ? "not supported" : "not decidable at this size";
}

/** Formats a difference with its 95 % interval. */
export const interval = ({ mean, low, high }: Spread, digits: number): string =>
  `${signed(mean, digits)} (${signed(low, digits)} to ${signed(high, digits)})`;

const signed = (x: number, digits: number): string => `${x > 0 ? "+" : ""}${x.toFixed(digits)}`;
