import { type Bounds, type Pairs, ratioInterval, ratioOfMedians, readable } from "@attnkit/measure/bootstrap";

/** The probability that any cell is flagged although both builds are equally fast. */
const ALPHA = 0.05;

/** The most pairs of processes that measure a cell. */
export const LAUNCHES = 4;

/**
 * `slower`, `faster`: this build, beyond the threshold. `same`: within the threshold, or not beyond it for certain.
 * `unclear`: the ratio is beyond the threshold, and its corrected interval is not, after every launch.
 */
export type Verdict = "slower" | "faster" | "same" | "unclear";

/** The limits of a judgement. */
export interface Limits {
  /** Times may differ by this share without being flagged, for example 0.1. */
  readonly threshold: number;
  /** The number of comparisons in the run. */
  readonly comparisons: number;
}

/** The time of this build divided by that of the other one. */
export interface Judgement {
  readonly ratio: number;
  /** The 95 % interval of the ratio. */
  readonly interval: Bounds;
  readonly readable: boolean;
  readonly verdict: Verdict;
}

/**
 * Judges one cell. `launches` holds its pairs of samples, `own` of this build and `other` of the other one, by pair of
 * processes. A cell is flagged if
 * - it was measured in at least two pairs of processes, and every pair alone shows a ratio beyond the threshold, since
 *   the layout of code and memory in one process can change times by more than 10 %, and
 * - the nearer end of its interval is beyond the threshold. The level of that interval is corrected for the number of
 *   comparisons and of looks at the data (Bonferroni), so that the probability of any false flag in the run is at most
 *   5 %.
 */
export function judge(launches: readonly Pairs[], limits: Limits): Judgement {
  const ratio = ratioOfMedians(launches);
  const interval = ratioInterval(launches);
  const rounds = launches.reduce((sum, { own }) => sum + own.length, 0);
  return { ratio, interval, readable: readable(ratio, interval, rounds), verdict: verdictOf(launches, ratio, limits) };
}

/** Returns whether another pair of processes must measure a cell before it can be judged. */
export function suspicious(launches: readonly Pairs[], limits: Limits): boolean {
  if (launches.length >= LAUNCHES) return false;
  const ratio = ratioOfMedians(launches);
  const { low, high } = ratioInterval(launches);
  const bound = 1 + limits.threshold;
  // Half of the threshold is far enough from 1 to look again, and the interval must reach beyond the threshold.
  const far = Math.abs(Math.log(ratio)) > Math.log(bound) / 2 && (high > bound || low < 1 / bound);
  return far && !["slower", "faster"].includes(verdictOf(launches, ratio, limits));
}

function verdictOf(launches: readonly Pairs[], ratio: number, { threshold, comparisons }: Limits): Verdict {
  const bound = 1 + threshold;
  if (ratio <= bound && ratio >= 1 / bound) return "same";
  const slower = ratio > bound;
  const agree = launches.every((one) => {
    const alone = ratioOfMedians([one]);
    return slower ? alone > bound : alone < 1 / bound;
  });
  if (launches.length >= 2 && agree) {
    const { low, high } = ratioInterval(launches, { level: 1 - ALPHA / (comparisons * (LAUNCHES - 1)) });
    if (slower ? low > bound : high < 1 / bound) return slower ? "slower" : "faster";
  }
  return "unclear";
}
