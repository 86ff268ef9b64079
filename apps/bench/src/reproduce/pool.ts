import type { Job, Outcome } from "@attnkit/papers/run";
import { worker } from "./worker.ts";

/** The events of a pool. A rejected `done` ends the run. */
export interface PoolEvents {
  started(job: Job): void;
  shared(job: Job, share: number): void;
  done(job: Job, outcome: Outcome): Promise<void>;
}

/**
 * Measures the jobs in `count` processes. Jobs whose times count run afterwards, one at a time with nothing beside
 * them. Resolves when all are done or soon after an interrupt, which discards the cells in flight.
 */
export async function runPool(
  jobs: readonly Job[],
  { child, count, signal }: { child: string; count: number; signal: AbortSignal },
  events: PoolEvents,
): Promise<void> {
  const beside = jobs.filter((job) => !job.alone);
  const alone = jobs.filter((job) => job.alone);
  await drain(beside, child, Math.min(count, beside.length), signal, events);
  await drain(alone, child, Math.min(1, alone.length), signal, events);
}

async function drain(
  jobs: readonly Job[],
  child: string,
  count: number,
  signal: AbortSignal,
  events: PoolEvents,
): Promise<void> {
  const queue = [...jobs];
  const failure = new AbortController();
  const ended = AbortSignal.any([signal, failure.signal]);
  const workers = Array.from({ length: count }, () => worker(child));
  const stopAll = () => Promise.all(workers.map((w) => w.stop()));
  const work = workers.map(async (own) => {
    for (let job = queue.shift(); job && !ended.aborted; job = queue.shift()) {
      const now = job;
      events.started(now);
      const outcome = await own.run(now, (share) => events.shared(now, share));
      if (!ended.aborted) await events.done(now, outcome);
    }
  });
  const stop = () => void stopAll();
  ended.addEventListener("abort", stop);
  try {
    await Promise.all(work);
  } finally {
    failure.abort();
    await stopAll();
    ended.removeEventListener("abort", stop);
    await Promise.allSettled(work);
  }
}
