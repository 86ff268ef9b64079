import { fileURLToPath } from "node:url";
import { type Experiment, experiments } from "@attnkit/papers";
import { RECORDS } from "./record.ts";

/** Experiments, and where they run and are recorded. */
export interface Shipped {
  readonly experiments: readonly Experiment[];
  /** The built file of a child process, which serves the same experiments. */
  readonly child: string;
  /** The folder of the records. */
  readonly records: string;
}

/** The experiments of this repository. */
export const shipped = (): Shipped => ({
  experiments,
  // The built file. There is no such file beside the TypeScript sources, from which nothing can be measured.
  child: fileURLToPath(new URL("./child.js", import.meta.url)),
  records: RECORDS,
});
