import type { Params, Size, Values, Verdict } from "../experiment.ts";
import type { Figure } from "../figure.ts";
import type { Row } from "../table.ts";
import { type Chosen, type Job, jobsOf, keyOf, type Settings, seedsOf } from "./plan.ts";
import { tableOf } from "./table.ts";

/** The result of one cell with one seed. */
export interface Outcome {
  readonly experiment: string;
  readonly claim: string;
  readonly params: Params;
  readonly seed: number;
  /** Wall time of the cell in seconds. */
  readonly seconds: number;
  /** Either values or the message of the error that ended the cell. */
  readonly values?: Values | undefined;
  readonly error?: string | undefined;
}

/** A claim after its measurement: what report, results and documentation are made of. */
export interface Assessment extends Chosen {
  readonly size: Size;
  readonly seeds: readonly number[];
  readonly rows: readonly Row[];
  readonly failures: readonly Outcome[];
  /** The sum of the times of its cells, in seconds. */
  readonly seconds: number;
  /** Null if it is withheld. */
  readonly verdict: Verdict | null;
  /** Why there is no verdict; null if there is one. */
  readonly withheld: string | null;
  readonly figures: readonly Figure[];
}

/** Applies the rule of a claim to its outcomes. A claim with a failed or missing cell has no verdict. */
export function assess(chosen: Chosen, outcomes: readonly Outcome[], settings: Settings): Assessment {
  const jobs = jobsOf([chosen], settings);
  const byKey = new Map(outcomes.map((outcome) => [keyOf(outcome), outcome]));
  const own = jobs.flatMap((job) => byKey.get(keyOf(job)) ?? []);
  const failures = own.filter((outcome) => outcome.values === undefined);
  const rows = own.flatMap(({ params, seed, values }) => (values ? [{ params, seed, values }] : []));
  const base = {
    ...chosen,
    size: settings.size,
    seeds: seedsOf(chosen.claim, settings.seeds),
    ...{ rows, failures, seconds: own.reduce((sum, { seconds }) => sum + seconds, 0) },
  };
  const missing = whyMissing(jobs, own, failures);
  if (missing) return { ...base, verdict: null, withheld: missing, figures: figuresOf(chosen, rows).figures };
  const { figures, error } = figuresOf(chosen, rows);
  try {
    const verdict = chosen.claim.judge(tableOf(rows));
    return { ...base, figures, verdict: error ? null : verdict, withheld: error };
  } catch (thrown) {
    return { ...base, figures, verdict: null, withheld: `the rule could not be applied: ${messageOf(thrown)}` };
  }
}

function whyMissing(jobs: readonly Job[], own: readonly Outcome[], failures: readonly Outcome[]): string | undefined {
  if (jobs.length === 0) return "the claim has no cells";
  const [first] = failures;
  if (first) return `${failures.length} of ${jobs.length} cells failed, the first with: ${first.error}`;
  return own.length < jobs.length ? `${jobs.length - own.length} of ${jobs.length} cells are missing` : undefined;
}

/** Figures of incomplete rows are drawn if they can be. They need no complete table, and a failure has its own report. */
function figuresOf({ claim }: Chosen, rows: readonly Row[]): { figures: readonly Figure[]; error: string | null } {
  if (rows.length === 0) return { figures: [], error: null };
  try {
    return { figures: claim.figures(tableOf(rows)), error: null };
  } catch (thrown) {
    return { figures: [], error: `the figures could not be made: ${messageOf(thrown)}` };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
