/** One size of one subject, checked and warmed up, ready to be sampled. */
export interface Job {
  /** Samples that it has; those of an earlier run that is continued count. */
  readonly taken: number;
  /** Samples that it is to have. */
  readonly wanted: number;
  /** Takes one sample, so that `taken` rises by 1. */
  sample(): Promise<void>;
  /** Frees what the job holds. */
  dispose(): void | Promise<void>;
}

/** The jobs to measure, the order in which they are prepared, and when to stop. */
export interface Schedule<Item> {
  readonly items: readonly Item[];
  /** Nothing new begins after it was aborted; jobs are still disposed of. */
  readonly signal: AbortSignal;
  /** Returns false for an item that failed or is gone: it is neither prepared nor sampled any more. */
  live(item: Item): boolean;
  /** Runs `work` and keeps its failure as the result of this item. It never rejects for a failure of one item. */
  guard(item: Item, work: () => Promise<void>): Promise<void>;
  /** Checks one answer and warms up. Returns nothing where the item is left out; throws where the answer is wrong. */
  prepare(item: Item): Promise<Job | undefined>;
  /** After `fewest` rounds no further round begins once `seconds` of sampling are over. Absent: no limit. */
  readonly budget?: { readonly fewest: number; seconds(prepared: readonly Item[]): number };
  /** Is called before each round; `round` counts from 0. */
  roundBegins?(round: number, rounds: number): void;
  /** Is called after each round. */
  roundEnded?(): Promise<void>;
  /** Is called where the budget ended the rounds early, after `round` of `rounds`. */
  late?(round: number, rounds: number, prepared: readonly Item[]): void;
  /** Is awaited between two calls, so that an interrupt or a redraw can happen. */
  pause?(): Promise<void>;
  /** Seconds since any fixed moment. Default `performance.now() / 1000`. */
  now?(): number;
}

/**
 * Checks and warms up every item, then takes the samples in rounds over all of them, so that a slow moment of the machine
 * hits all alike. Nothing is sampled that was not checked. What goes wrong in one item ends that item alone.
 *
 * @example
 * await schedule({ items: sizes, signal, live: () => true, guard: (_, work) => work(), prepare: (size) => job(size) });
 */
export async function schedule<Item>(how: Schedule<Item>): Promise<void> {
  const { signal, live, guard, budget, now = () => performance.now() / 1000 } = how;
  const jobs: { readonly item: Item; readonly job: Job }[] = [];
  try {
    for (const item of how.items) {
      if (signal.aborted || !live(item)) continue;
      await guard(item, async () => {
        const job = await how.prepare(item);
        if (job) jobs.push({ item, job });
      });
      await how.pause?.();
    }
    const prepared = jobs.map(({ item }) => item);
    const rounds = Math.max(0, ...jobs.map(({ job }) => job.wanted));
    const end = now() + (budget?.seconds(prepared) ?? Number.POSITIVE_INFINITY);
    for (let round = 0; round < rounds && !signal.aborted; round++) {
      if (budget && round >= budget.fewest && now() > end) {
        how.late?.(round, rounds, prepared);
        break;
      }
      how.roundBegins?.(round, rounds);
      for (const { item, job } of jobs) {
        if (signal.aborted || !live(item) || job.taken > round || job.taken >= job.wanted) continue;
        await guard(item, () => job.sample());
        await how.pause?.();
      }
      await how.roundEnded?.();
    }
  } finally {
    for (const { job } of jobs) await job.dispose();
  }
}
