import type { CheckResult, DecodeResult, PrefillResult, Results } from "@attnkit/measure/results";
import type { Accuracy, Weighting } from "./accuracy.ts";
import type { TimeCrossover } from "./crossover.ts";

/** The format of the JSON file. */
export const FORMAT = "attnkit-frontier/1";

/** The facts about one cell that the bench does not measure. */
export interface Facts {
  readonly accuracy: Accuracy;
  /** The bytes of the state after as many tokens as the prefill has. */
  readonly bytes: number;
}

/** One mechanism on one backend: how close it is to softmax, and what it costs. */
export interface Row {
  /** The cell's name, as in `measured.cells`. */
  readonly cell: string;
  /** The mechanism with its options where they are not the default ones. */
  readonly label: string;
  readonly backend: string;
  readonly dtype: string;
  /** Null if the answer was wrong or the mechanism does not run here: `reason` says so. */
  readonly accuracy: Accuracy | null;
  readonly check: CheckResult | null;
  readonly reason?: string;
  readonly weights: Weighting;
  /** Seconds; null on a software adapter and where the time budget left it out. */
  readonly prefill: Pick<PrefillResult, "length" | "median" | "q1" | "q3"> | null;
  /** Seconds per token, at the longest measured context that is no longer than the prefill. */
  readonly decode: Pick<DecodeResult, "context" | "median" | "q1" | "q3"> | null;
  /** The bytes of the state after `tokens` tokens. */
  readonly stateBytes: number | null;
  readonly constantState: boolean | null;
  /** The context from which the constant state beats softmax's; null where the state grows and for softmax itself. */
  readonly crossover: { readonly bytes: number | null; readonly time: TimeCrossover | null } | null;
  /**
   * No other mechanism on this backend is as close to softmax and as fast per decoded token, and better in one of them.
   * Null without a time at the longest `decode.context` of the backend.
   */
  readonly undominated: boolean | null;
}

/** Accuracy beside cost of all chosen mechanisms on all chosen backends, for the same q, k and v. */
export interface Frontier {
  readonly format: typeof FORMAT;
  /** False if it was interrupted. */
  readonly complete: boolean;
  /** The tokens of the prefill whose output is compared, and of the block whose weights are read. */
  readonly tokens: number;
  readonly weightTokens: number;
  /** The mean entropy of uniform causal weights over `weightTokens` tokens, in nats. */
  readonly uniformEntropy: number;
  readonly rows: readonly Row[];
  /** Every check, every sample, the environment and the input, as in `attnkit bench`. */
  readonly measured: Results;
}

/** Returns `mean over i of ln(i + 1)`: the entropy of equal weights over the keys that each row of a causal block sees. */
export const uniformCausalEntropy = (tokens: number): number =>
  Array.from({ length: tokens }, (_, i) => Math.log(i + 1)).reduce((a, b) => a + b, 0) / tokens;
