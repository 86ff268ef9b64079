import type { DType } from "../program/ops.ts";
import type { Filter, Id } from "./suite.ts";

/** One case of one run: everything that a line needs to run it again. */
export interface ReplayCase extends Id {
  readonly seed: number;
  /** Name of the backend as it calls itself, e.g. `"cpu"`. */
  readonly backend: string;
  readonly dtype: DType;
  /** The names under which `conformance` registers the case, outermost first. */
  readonly names: readonly string[];
}

/** Returns the line that runs one case again, without a leading `replay: `. */
export type Replay = (found: ReplayCase) => string;

/** The filter that selects exactly this case. */
export const filterOf = ({ law, mechanism, options, case: n }: Id): Filter => ({ law, mechanism, options, case: n });

/** The line of a runner that says nothing about itself: it needs no command, and holds for every backend. */
export const replayByFilter: Replay = (found) =>
  `runConformance({ ...subject, seed: ${found.seed} }, { filter: ${JSON.stringify(filterOf(found))} })`;

/**
 * Returns the `replay` of a test runner that selects tests by a regular expression over their names.
 * @param command the command up to the expression.
 * @example
 * conformance({ describe, test, replay: replayByName("npx vitest run my-backend.test.ts -t") }, subject);
 */
export const replayByName =
  (command: string): Replay =>
  ({ names }) => {
    const pattern = `${names.join(" ").replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`;
    return `${command} '${pattern.replaceAll("'", "'\\''")}'`;
  };
