/** Runs experiments: the jobs of a run, one measurement, tables, and verdicts. It knows no particular experiment. */
export { type Assessment, assess, type Outcome } from "./assess.ts";
export { measureJob } from "./measure.ts";
export { type Chosen, consecutive, type Job, jobsOf, keyOf, paramsKey, type Settings, seedsOf } from "./plan.ts";
export { spreadOf, tableOf } from "./table.ts";
