import type { CellContext, Experiment, Values } from "../experiment.ts";
import type { Job } from "./plan.ts";

/** Measures one cell. Rejects if the claim does not exist, its measurement throws, or the values are not numbers. */
export async function measureJob(
  experiments: readonly Experiment[],
  job: Job,
  context: Pick<CellContext, "signal" | "progress">,
): Promise<Values> {
  const claim = experiments.find((e) => e.name === job.experiment)?.claims.find((c) => c.name === job.claim);
  if (!claim) throw new Error(`there is no claim ${job.experiment}/${job.claim}`);
  const values = await claim.measure(job.params, { seed: job.seed, size: job.size, ...context });
  const entries = Object.entries(values);
  if (entries.length === 0) throw new Error("the cell measured nothing");
  for (const [column, value] of entries) {
    if (typeof value !== "number") throw new Error(`column ${column} is ${typeof value}, expected a number`);
    if (Object.hasOwn(job.params, column)) throw new Error(`column ${column} has the name of a parameter`);
  }
  return values;
}
