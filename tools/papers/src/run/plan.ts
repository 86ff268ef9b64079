/** A run as a list of jobs: every cell of every chosen claim, with every seed. */
import type { Claim, Experiment, Params, Size } from "../experiment.ts";

/** The seeds of a run before a claim's own minimum is applied. They are ascending and distinct. */
export interface Settings {
  readonly size: Size;
  readonly seeds: readonly number[];
}

/** A claim that was chosen, with its experiment. */
export interface Chosen {
  readonly experiment: Experiment;
  readonly claim: Claim;
}

/** One cell with one seed. */
export interface Job {
  readonly experiment: string;
  readonly claim: string;
  readonly params: Params;
  readonly seed: number;
  readonly size: Size;
  readonly alone: boolean;
}

/** The number of seeds that a claim uses if it does not say so. */
const SEEDS = 3;

/** Returns `count` consecutive seeds from `first` on. */
export const consecutive = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

/** Returns the seeds of a claim: those of the run, and the next ones after the largest up to the claim's minimum. */
export function seedsOf(claim: Claim, seeds: readonly number[]): number[] {
  const missing = Math.max(0, (claim.seeds ?? SEEDS) - seeds.length);
  return [...seeds, ...consecutive(Math.max(...seeds) + 1, missing)];
}

/** Returns the jobs of the claims, in the order of claims, cells and seeds. Cells that claims share have one job. */
export function jobsOf(chosen: readonly Chosen[], { size, seeds }: Settings): Job[] {
  const jobs = chosen.flatMap(({ experiment, claim }) => {
    const cells = cellsOf({ experiment, claim }, size);
    return cells.flatMap((params) =>
      seedsOf(claim, seeds).map((seed) => ({
        ...{ experiment: experiment.name, claim: claim.from ?? claim.name, params, seed, size },
        alone: claim.alone ?? false,
      })),
    );
  });
  return [...new Map(jobs.map((job) => [keyOf(job), job])).values()];
}

/** A name of a cell with a seed that is unique in a run. */
export const keyOf = ({ experiment, claim, params, seed }: Omit<Job, "size" | "alone">): string =>
  JSON.stringify([experiment, claim, paramsKey(params), seed]);

/** Equal for equal parameters, in whatever order they are written. */
export const paramsKey = (params: Params): string =>
  JSON.stringify(Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Returns the cells of a claim. Throws if two are equal or a number is not finite: no table could tell them apart. */
function cellsOf({ experiment, claim }: Chosen, size: Size): readonly Params[] {
  const cells = claim.cells(size);
  const seen = new Set<string>();
  for (const params of cells) {
    const key = paramsKey(params);
    const who = `cell ${key} of ${experiment.name}/${claim.name}`;
    if (seen.has(key)) throw new Error(`${who} exists twice`);
    if (Object.values(params).some((x) => typeof x === "number" && !Number.isFinite(x)))
      throw new Error(`${who} has a parameter that is not finite`);
    seen.add(key);
  }
  return cells;
}
