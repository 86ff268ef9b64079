import { type Job, keyOf, type Outcome } from "@attnkit/papers/run";
import type { Io } from "../io.ts";
import { progress } from "../report/progress.ts";
import { clock } from "./clock.ts";
import type { JournalWriter } from "./journal.ts";
import { runPool } from "./pool.ts";
import { duration } from "./wording.ts";

/** Everything that the measurement of a plan needs. */
export interface Plan {
  readonly jobs: readonly Job[];
  /** Outcomes of an earlier part of the run. A failed cell is measured again. */
  readonly known: readonly Outcome[];
  readonly journal: JournalWriter;
  /** The built file of a child process, and how many run at once. */
  readonly child: string;
  readonly count: number;
  /** Outcomes of another run of the same size, which predict the time that is left. */
  readonly record: readonly Outcome[];
}

/** Measures the jobs that are not known. Resolves with all outcomes, fewer than jobs after an interrupt. */
export async function conduct(io: Io, plan: Plan): Promise<Outcome[]> {
  const done = new Map(plan.known.filter(({ values }) => values).map((outcome) => [keyOf(outcome), outcome]));
  const pending = plan.jobs.filter((job) => !done.has(keyOf(job)));
  const time = clock(pending, plan.count, plan.record);
  const shown = progress(io);
  const total = plan.jobs.length;
  let [finished, tenth] = [total - pending.length, -1];
  const tell = ({ experiment, claim }: Job) => {
    const left = time.left(performance.now());
    const rest = left === undefined ? "time left not known yet" : `about ${duration(left)} left`;
    const line = `${finished} of ${total} cells, ${rest}`;
    if (io.columns > 0) shown.step("measuring", `${line}: ${experiment}/${claim}`);
    else if (Math.floor((10 * finished) / total) > tenth) {
      tenth = Math.floor((10 * finished) / total);
      shown.note(`measuring: ${line}`);
    }
  };
  try {
    await runPool(
      pending,
      { child: plan.child, count: plan.count, signal: io.signal },
      {
        started(job) {
          time.started(job);
          tell(job);
        },
        shared(job, share) {
          time.shared(job, share);
          tell(job);
        },
        async done(job, outcome) {
          await plan.journal.append(outcome);
          done.set(keyOf(job), outcome);
          time.done(job, outcome.seconds);
          finished++;
          tell(job);
        },
      },
    );
  } finally {
    shown.stop();
  }
  return plan.jobs.flatMap((job) => done.get(keyOf(job)) ?? []);
}
