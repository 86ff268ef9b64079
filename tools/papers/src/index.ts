import { constantCost } from "./constant-cost/index.ts";
import { elementwise } from "./elementwise/index.ts";
import type { Experiment } from "./experiment.ts";
import { polynomial } from "./polynomial/index.ts";
import { superiority } from "./superiority/index.ts";

export type * from "./experiment.ts";
export type * from "./figure.ts";
export type * from "./table.ts";

/** All experiments, in the order in which `attnkit reproduce` runs them. */
export const experiments: readonly Experiment[] = [superiority, polynomial, constantCost, elementwise];
