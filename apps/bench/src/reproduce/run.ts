import type { Environment } from "@attnkit/measure/results";
import type { Assessment } from "@attnkit/papers/run";
import type { RunSettings } from "./results.ts";

/** A run that is over, as its reports show it. */
export interface Run {
  readonly started: string;
  readonly finished: string;
  readonly environment: Environment;
  readonly settings: RunSettings;
  readonly assessments: readonly Assessment[];
}
