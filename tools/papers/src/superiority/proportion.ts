import type { Point } from "../figure.ts";
import type { Table } from "../table.ts";
import { TRIALS } from "./separation.ts";

/** A success probability, from all trials of all seeds. */
export interface Proportion {
  readonly trials: number;
  readonly share: number;
  /** Wilson's 95 % interval, which has a width at 0 and at 1 as well. */
  readonly low: number;
  readonly high: number;
}

/** Pools the shares in one column of the rows, each of which stands for `TRIALS` networks. */
export function proportion(table: Table, column: string): Proportion {
  const shares = table.values(column);
  return wilson(
    (shares.reduce((sum, x) => sum + x, 0) / shares.length) * shares.length * TRIALS,
    shares.length * TRIALS,
  );
}

/** Wilson's score interval for `successes` of `trials` at 95 %. */
export function wilson(successes: number, trials: number): Proportion {
  const z = 1.959964;
  const share = successes / trials;
  const middle = (share + (z * z) / (2 * trials)) / (1 + (z * z) / trials);
  const half =
    (z / (1 + (z * z) / trials)) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  // Rounding would leave the bound at 0 or at 1 a little inside the share.
  return {
    trials,
    share,
    low: Math.min(share, Math.max(0, middle - half)),
    high: Math.max(share, Math.min(1, middle + half)),
  };
}

/** A point of a figure. */
export function pointOf(x: number, { share, low, high }: Proportion): Point {
  return { x, y: share, low, high };
}

/** Writes `0.990 (0.981 to 0.995)`. */
export function words({ share, low, high }: Proportion): string {
  return `${share.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}
