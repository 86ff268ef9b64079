import { type Bounds, readable } from "@attnkit/measure/bootstrap";
import { meanInterval } from "@attnkit/measure/statistics";

/** The probability that any time is flagged although none differs by more than the threshold. */
const ALPHA = 0.05;

/**
 * `slower`, `faster`: this build, beyond the threshold for certain. `unclear`: the ratio is beyond the threshold, but its
 * corrected interval is not. `same`: the ratio is within the threshold.
 */
export type Verdict = "slower" | "faster" | "same" | "unclear";

/** The limits of a judgement. */
export interface Limits {
  /** Times may differ by this share without being flagged, for example 0.1. */
  readonly threshold: number;
  /** The number of verdicts in the run: times that are compared, each as often as it may be judged. */
  readonly verdicts: number;
}

/** The time of this build divided by that of the other one. */
export interface Judgement {
  readonly ratio: number;
  /** The 95 % interval of the ratio. */
  readonly interval: Bounds;
  readonly readable: boolean;
  readonly verdict: Verdict;
  /** True if more pairs of processes could flag it: it is not flagged, and differs by more than half the threshold. */
  readonly open: boolean;
}

/**
 * Judges a time by its ratios, one of each pair of processes, at least two. Samples inside one process share its compiled
 * code and its memory layout and count as one. The interval is Student's, of the mean logarithm. That of the verdict is
 * corrected for the number of verdicts (Bonferroni).
 */
export function judge(ratios: readonly number[], { threshold, verdicts }: Limits): Judgement {
  const logs = ratios.map(Math.log);
  const { mean, low, high } = meanInterval(logs);
  const corrected = meanInterval(logs, 1 - ALPHA / verdicts);
  const bound = Math.log(1 + threshold);
  const certain = corrected.low > bound || corrected.high < -bound;
  const ratio = Math.exp(mean);
  const interval = { low: Math.exp(low), high: Math.exp(high) };
  return {
    ...{ ratio, interval, readable: readable(ratio, interval, logs.length) },
    verdict: certain ? (mean > 0 ? "slower" : "faster") : Math.abs(mean) > bound ? "unclear" : "same",
    open: !certain && Math.abs(mean) > bound / 2,
  };
}
