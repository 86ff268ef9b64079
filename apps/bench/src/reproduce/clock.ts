import { type Job, type Outcome, paramsKey } from "@attnkit/papers/run";

/** Predicts the time that is left from the cells of this run, and before them from those of the committed record. */
export interface Clock {
  started(job: Job): void;
  shared(job: Job, share: number): void;
  done(job: Job, seconds: number): void;
  /** Seconds, or undefined as long as nothing is known. */
  left(now: number): number | undefined;
}

/** The predicted time of each job in seconds; undefined where nothing is known about any cell of its claim. */
export function estimator(known: readonly Outcome[]): (job: Job) => number | undefined {
  const cells = new Map<string, number[]>();
  const claims = new Map<string, number[]>();
  for (const { experiment, claim, params, seconds } of known) {
    push(claims, `${experiment}/${claim}`, seconds);
    push(cells, `${experiment}/${claim} ${paramsKey(params)}`, seconds);
  }
  return ({ experiment, claim, params }) =>
    mean(cells.get(`${experiment}/${claim} ${paramsKey(params)}`)) ?? mean(claims.get(`${experiment}/${claim}`));
}

/**
 * The time that jobs take in `count` processes, those whose times count one after the other. Undefined if one of them is
 * unknown. A full size has no estimate from a default one.
 */
export function totalSeconds(
  jobs: readonly Job[],
  count: number,
  secondsOf: (job: Job) => number | undefined,
): number | undefined {
  let [beside, alone, longest] = [0, 0, 0];
  for (const job of jobs) {
    const seconds = secondsOf(job);
    if (seconds === undefined) return undefined;
    if (job.alone) alone += seconds;
    else [beside, longest] = [beside + seconds, Math.max(longest, seconds)];
  }
  return alone + Math.max(longest, beside / count);
}

/** @param record - Outcomes of an earlier run of the same size, on whatever machine. */
export function clock(jobs: readonly Job[], count: number, record: readonly Outcome[]): Clock {
  const before = estimator(record);
  const own: Outcome[] = [];
  const pending = new Set(jobs);
  const running = new Map<Job, { since: number; share: number }>();
  let [expected, spent] = [0, 0];
  return {
    started: (job) => void running.set(job, { since: performance.now(), share: 0 }),
    shared(job, share) {
      const found = running.get(job);
      if (found) found.share = share;
    },
    done(job, seconds) {
      pending.delete(job);
      running.delete(job);
      own.push({ ...job, seconds });
      const recorded = before(job);
      if (recorded !== undefined) [expected, spent] = [expected + recorded, spent + seconds];
    },
    left(now) {
      const here = estimator(own);
      // This machine may be slower or faster than that of the record.
      const pace = expected > 0 ? spent / expected : 1;
      const any = mean(own.map(({ seconds }) => seconds));
      return totalSeconds([...pending], count, (job) => {
        const recorded = before(job);
        const whole = here(job) ?? (recorded === undefined ? any : recorded * pace);
        const active = running.get(job);
        if (!active) return whole;
        const since = (now - active.since) / 1000;
        if (active.share > 0.05) return (since / active.share) * (1 - active.share);
        return whole === undefined ? undefined : Math.max(0, whole - since);
      });
    },
  };
}

const mean = (all: readonly number[] | undefined): number | undefined =>
  all?.length ? all.reduce((sum, x) => sum + x, 0) / all.length : undefined;

function push(map: Map<string, number[]>, key: string, value: number): void {
  const found = map.get(key);
  if (found) found.push(value);
  else map.set(key, [value]);
}
