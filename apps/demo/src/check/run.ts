/** Runs the conformance suite in slices, on the device that was chosen. */

import { creator, mechanisms } from "@attnkit/catalog/mechanisms";
import { replayCommand } from "@attnkit/catalog/replay";
import type { KernelTarget } from "@attnkit/core/backend";
import { type CaseResult, type Item, plan, type Report, type Row, runConformance } from "@attnkit/core/conformance";
import type { OpenBackend } from "../contract.ts";
import type { Replay } from "./replay.ts";

/** The operations alone are a column of the matrix as well. */
export const columns: readonly string[] = ["ops", ...mechanisms.map(({ name }) => name)];

export interface Choice {
  readonly set: "quick" | "full";
  readonly columns: readonly string[];
}

export interface Progress {
  readonly result: CaseResult;
  readonly done: number;
  readonly total: number;
}

export const SEED = 1;

/** Quick: the first case of every law, with the default options. */
const chosen =
  ({ set, columns: wanted }: Choice) =>
  (item: Item): boolean =>
    wanted.includes(item.mechanism) && (set === "full" || item.case === 0);

export interface Watch {
  readonly signal: AbortSignal;
  /** After every case; the page breathes while it is awaited. */
  onProgress(progress: Progress): Promise<void>;
}

export async function run(open: OpenBackend, choice: Choice, watch: Watch): Promise<Report> {
  return suite(open, await rows(open.backend, choice), chosen(choice), SEED, watch);
}

/** Runs the one case that a replay line names; gives nothing if there is no such case. */
export async function runOne(open: OpenBackend, replay: Replay, watch: Watch): Promise<Report | undefined> {
  const { mechanism, options, law, case: number } = replay;
  const all = await rows(open.backend, { set: "full", columns: [mechanism] }, options);
  const one = (item: Item) => item.mechanism === mechanism && item.law === law && item.case === number;
  if (plan({ mechanisms: all }, one).length === 0) return undefined;
  return suite(open, all, one, replay.seed, watch);
}

function suite(
  open: OpenBackend,
  all: readonly Row[],
  filter: (item: Item) => boolean,
  seed: number,
  { signal, onProgress }: Watch,
): Promise<Report> {
  const subject = {
    backend: () => open.backend,
    mechanisms: all,
    seed,
    versions: { attnkit: __COMMIT__, ...(open.tf && { "@tensorflow/tfjs-core": open.tf.version_core }) },
  };
  return runConformance(subject, {
    filter,
    replay: replayCommand,
    signal,
    onProgress: (result, done, total) => onProgress({ result, done, total }),
  });
}

/** Mechanisms with their oracles, with their kernels where they have any for this backend. */
async function rows(target: KernelTarget, { set, columns: wanted }: Choice, only?: object): Promise<Row[]> {
  const entries = mechanisms.filter(({ name }) => wanted.includes(name));
  const sets = await Promise.all(
    entries.map(async (entry) => {
      const create = await creator(entry, target);
      const variants = only ? [only as (typeof entry.variants)[number]] : entry.variants;
      return (set === "full" ? variants : variants.slice(0, 1)).map((options) => ({
        mechanism: create(options),
        reference: entry.reference(options),
      }));
    }),
  );
  return sets.flat();
}
