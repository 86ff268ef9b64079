import type { Pairs } from "@attnkit/measure/bootstrap";
import type { BenchOptions } from "@attnkit/measure/results";
import type { Sequence } from "@attnkit/measure/sequence";
import { messageOf, UsageError } from "../../io.ts";
import { type BuildProcess, start } from "./process.ts";
import type { Cell, Size } from "./protocol.ts";

/** The scripts that measure, and their input. */
export interface Builds {
  readonly scripts: readonly [own: string, other: string];
  /** The other build's folder, for messages. */
  readonly dir: string;
  readonly options: BenchOptions;
  readonly sequence: Sequence;
}

/** Both builds, each in a process of its own. */
export type Pair = readonly [own: BuildProcess, other: BuildProcess];

/** How much a pair of processes measures. */
export interface Effort {
  /** Seconds to warm up a size in each process. V8 has compiled its loops by then. */
  readonly warm: number;
  /** Samples of each size in each process. Long calls are sampled for as long as short ones, at least five times. */
  readonly samples: number;
  /** Seconds of a sample: so short that some end before another program gets the processor. */
  readonly sample: number;
}

/** The most calls in a sample. */
const MOST_CALLS = 2000;

/** Returns the samples of a size whose calls take `call` seconds. */
export const samplesFor = (call: number, { samples, sample }: Effort): number =>
  Math.max(Math.min(5, samples), Math.min(samples, Math.ceil((samples * sample) / call)));

/**
 * Starts and opens both builds, passes them to `work`, and ends them. In odd rounds `n` the other build starts first.
 * Throws `UsageError` if a build does not start.
 */
export async function launch<X>(
  { scripts, options, sequence, dir }: Builds,
  n: number,
  work: (pair: Pair, cells: readonly [own: readonly Cell[], other: readonly Cell[]]) => Promise<X>,
): Promise<X> {
  const started: BuildProcess[] = [];
  const lists: (readonly Cell[])[] = [];
  try {
    for (const side of turns(n)) {
      started[side] = start(scripts[side]!);
      lists[side] = await started[side].open(options, sequence).catch((error) => {
        const who = side === 0 ? "this build" : "its build";
        throw new UsageError(`--against ${dir}`, `${who} does not run: ${messageOf(error)}`);
      });
    }
    return await work([started[0]!, started[1]!], [lists[0]!, lists[1]!]);
  } finally {
    for (const p of started) p?.end();
  }
}

/**
 * Warms up sizes of one cell in fresh processes of both builds, and samples them in turns. Returns the samples of each
 * size, in seconds per call. The builds make equally many calls. Throws once the run is interrupted.
 */
export async function samples(
  pair: Pair,
  n: number,
  sizes: readonly Size[],
  effort: Effort,
  signal: AbortSignal,
): Promise<Pairs[]> {
  const jobs: { size: Size; calls: number; count: number; own: number[]; other: number[] }[] = [];
  for (const size of sizes) {
    const warm: number[] = [];
    for (const side of turns(n)) warm[side] = await pair[side]!.warm(size, effort.warm);
    const calls = Math.max(1, Math.min(MOST_CALLS, Math.ceil(effort.sample / Math.min(...warm))));
    jobs.push({ size, calls, count: samplesFor(Math.min(...warm), effort), own: [], other: [] });
  }
  for (let round = 0; round < effort.samples; round++)
    for (const { size, calls, own, other } of jobs.filter(({ count }) => round < count)) {
      signal.throwIfAborted();
      for (const side of turns(n + round)) [own, other][side]!.push(await pair[side]!.sample(size, calls));
    }
  return jobs.map(({ own, other }) => ({ own, other }));
}

/** Returns the sides in the order of round `n`. */
const turns = (n: number): readonly (0 | 1)[] => (n % 2 === 0 ? [0, 1] : [1, 0]);
