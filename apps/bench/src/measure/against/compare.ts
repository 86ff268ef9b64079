import type { Pairs } from "@attnkit/measure/bootstrap";
import type { BenchOptions, CheckResult, LeftOut } from "@attnkit/measure/results";
import { type Job, schedule } from "@attnkit/measure/schedule";
import type { Sequence } from "@attnkit/measure/sequence";
import { messageOf, UsageError } from "../../io.ts";
import type { Progress } from "../../report/progress.ts";
import { type Candidate, plan } from "../plan.ts";
import { type Judgement, judge, LAUNCHES, type Limits, suspicious } from "./judge.ts";
import { type BuildProcess, start } from "./process.ts";
import type { Answer, Cell, Clock, Size } from "./protocol.ts";

/** Two builds, and how they are compared. */
export interface Comparison {
  /** The scripts that measure, of this build and of the other one. */
  readonly scripts: readonly [own: string, other: string];
  /** The other build's folder, for messages. */
  readonly dir: string;
  readonly options: BenchOptions;
  readonly sequence: Sequence;
  /** Times may differ by this share, for example 0.1. */
  readonly threshold: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** The times of one size in both builds. */
export interface Compared extends Judgement, Size {
  readonly clock: Clock;
  readonly launches: readonly Pairs[];
}

/** A cell or size that has no ratio, and the reason. */
export interface Failure {
  readonly cell: string;
  readonly reason: string;
}

export interface Outcome {
  readonly compared: readonly Compared[];
  /** Wrong answers and errors. */
  readonly failed: readonly Failure[];
  /** Cells that are not compared although nothing is wrong. */
  readonly skipped: readonly Failure[];
  readonly leftOut: readonly LeftOut[];
  readonly complete: boolean;
}

/** Fewer rounds have no interval that could exclude a threshold after the correction. */
const FEWEST = 9;
/** Seconds of a sample of one build: long beside the ticks of the clock and the moments in which V8 collects garbage. */
const SAMPLE = 0.05;
/** The most calls in a sample. */
const MOST_CALLS = 500;
/** Rounds of every further pair of processes, which measure only a few cells. */
const AGAIN = 25;
/** The share of the budget for the first pair of processes. */
const FIRST = 0.7;
/**
 * The largest difference between the answers of two builds, as a share of the largest entry of the row. Both answers
 * passed the check against the reference of their build. A larger difference means that the references differ.
 */
const AGREE = 0.01;

interface Measured extends Size {
  readonly clock: Clock;
  readonly launches: { own: number[]; other: number[] }[];
}

/**
 * Measures two builds in one run: a process for each, which take the samples of every size in turns on the same input.
 * Sizes that may be beyond the threshold are measured again, each cell in fresh processes of its own, up to four times. Throws `UsageError`
 * if a build does not start.
 */
export async function compare(c: Comparison): Promise<Outcome> {
  const failed: Failure[] = [];
  const skipped: Failure[] = [];
  let leftOut: readonly LeftOut[] = [];
  const measured: Measured[] = [];
  await launch(c, 0, async (pair, cells) => {
    skipped.push(...cells.skipped);
    const sound = await checked(
      c,
      pair,
      cells.both.map((x) => x.id),
      failed,
    );
    const planned = plan(await pilots(c, pair, sound, failed), c.options.budget * FIRST, c.options.rounds, FEWEST);
    leftOut = planned.leftOut;
    for (const what of ["prefill", "decode"] as const) {
      const items = planned.items.filter((i) => i.what === what);
      const sizes = items.map(
        ({ cell, size, calls }): Measured => ({
          ...{ cell, what, size, calls, launches: [] },
          clock: cells.both.find((x) => x.id === cell)!.clock,
        }),
      );
      measured.push(...sizes);
      const seconds = items.reduce((sum, i) => sum + i.seconds, 0);
      await take(c, pair, sizes, (m) => items[sizes.indexOf(m)]!.rounds, failed, seconds);
    }
  });
  const timed = () => measured.filter((m) => m.launches.length > 0 && !failed.some((f) => f.cell === m.cell));
  const limits: Limits = { threshold: c.threshold, comparisons: Math.max(1, timed().length) };
  for (let n = 1; n <= LAUNCHES; n++) {
    const again = timed().filter((m) => suspicious(evidence(m), limits));
    if (c.signal.aborted || again.length === 0) break;
    c.progress.note(`measuring ${again.length} sizes again in fresh processes`);
    for (const cell of new Set(again.map((m) => m.cell))) {
      const its = again.filter((m) => m.cell === cell);
      if (!c.signal.aborted) await launch(c, n, (pair) => take(c, pair, its, () => AGAIN, failed));
    }
  }
  const compared = timed().map((m): Compared => ({ ...m, launches: evidence(m), ...judge(evidence(m), limits) }));
  return { compared, failed, skipped, leftOut, complete: !c.signal.aborted };
}

/**
 * Returns the launches that count. The first runs all cells in one process, where a change of one program can slow the
 * others, because V8 compiles the shared code of the backend for all of them. Later ones run a single cell.
 */
const evidence = ({ launches }: Measured): Measured["launches"] => (launches.length > 1 ? launches.slice(1) : launches);

type Pair = readonly [own: BuildProcess, other: BuildProcess];

/** Starts both builds in turns as to which is first, opens them, and ends them after `work`. */
async function launch(
  { scripts, options, sequence, dir, progress }: Comparison,
  n: number,
  work: (pair: Pair, cells: Common) => Promise<void>,
): Promise<void> {
  progress.step("starting both builds", `processes ${n + 1}`);
  const order = n % 2 === 0 ? [0, 1] : [1, 0];
  const started: BuildProcess[] = [];
  try {
    const lists: (readonly Cell[])[] = [];
    for (const side of order) {
      started[side] = start(scripts[side]!);
      lists[side] = await started[side].open(options, sequence).catch((error) => {
        const who = side === 0 ? "this build" : "its build";
        throw new UsageError(`--against ${dir}`, `${who} does not run: ${messageOf(error)}`);
      });
    }
    await work([started[0]!, started[1]!], common(lists[0]!, lists[1]!));
  } finally {
    for (const p of started) p?.end();
  }
}

interface Common {
  readonly both: readonly Cell[];
  readonly skipped: readonly Failure[];
}

function common(own: readonly Cell[], other: readonly Cell[]): Common {
  const all = [...new Map([...own, ...other].map((c) => [c.id, c])).values()];
  const has = (list: readonly Cell[], id: string) => list.some((c) => c.id === id);
  const reasonFor = ({ id, software }: Cell): string | undefined => {
    if (software) return "its adapter is software, whose times have no meaning";
    return has(own, id) ? (has(other, id) ? undefined : "only this build has it") : "only the other build has it";
  };
  return {
    both: all.filter((c) => reasonFor(c) === undefined),
    skipped: all.flatMap((c) => (reasonFor(c) === undefined ? [] : [{ cell: c.id, reason: reasonFor(c)! }])),
  };
}

/** Returns the cells whose answers are right in both builds. */
async function checked(c: Comparison, pair: Pair, cells: readonly string[], failed: Failure[]): Promise<string[]> {
  const sound: string[] = [];
  for (const cell of cells) {
    if (c.signal.aborted) break;
    c.progress.step("checking answers of both builds", cell);
    await guarded(c, cell, failed, async () => {
      for (const [side, p] of pair.entries()) demand(await p.check(cell), side);
      sound.push(cell);
    });
  }
  return sound;
}

/** Returns predictions for both builds together: a call is one in each. */
async function pilots(c: Comparison, pair: Pair, cells: string[], failed: Failure[]): Promise<Candidate[]> {
  const all: Candidate[] = [];
  for (const cell of cells) {
    if (c.signal.aborted) break;
    c.progress.step("pilot timings", cell);
    await guarded(c, cell, failed, async () => {
      const [own, other] = [await pair[0].pilot(cell), await pair[1].pilot(cell)];
      for (const [i, a] of own.entries()) {
        const b = other[i]!;
        const call = a.call + b.call;
        const calls = Math.max(1, Math.min(MOST_CALLS, Math.ceil((2 * SAMPLE) / call)));
        all.push({ ...a, call, setup: a.setup + b.setup, calls });
      }
    });
  }
  return all;
}

/** Checks and warms up every size in both builds, then samples them in turns. */
async function take(
  c: Comparison,
  pair: Pair,
  sizes: readonly Measured[],
  rounds: (m: Measured) => number,
  failed: Failure[],
  seconds?: number,
): Promise<void> {
  await schedule<Measured>({
    items: sizes,
    signal: c.signal,
    live: (m) => !failed.some((f) => f.cell === m.cell),
    guard: (m, work) => guarded(c, m.cell, failed, work),
    async prepare(m) {
      const { cell, what, size, calls } = m;
      c.progress.step(`checking and warming up ${what}`, `${cell}, ${size} tokens`);
      const answers = [await pair[0].prepare(m), await pair[1].prepare(m)] as const;
      for (const [side, { check }] of answers.entries()) demand(check, side);
      agree(answers, m);
      return jobOf(pair, m, { cell, what, size, calls }, rounds(m));
    },
    ...(seconds !== undefined && { budget: { fewest: FEWEST, seconds: () => seconds } }),
    roundBegins: (round, all) => c.progress.step("timing both builds in turns", `round ${round + 1} of ${all}`),
    late: (round, all) => c.progress.note(`timing takes longer than planned: ${round} rounds instead of up to ${all}`),
  });
}

/** The job that adds a pair of samples to a size. The build that begins alternates. */
function jobOf(pair: Pair, m: Measured, size: Size, wanted: number): Job {
  const into = { own: [] as number[], other: [] as number[] };
  return {
    wanted,
    get taken() {
      return into.other.length;
    },
    async sample() {
      const first = into.other.length % 2;
      const times: number[] = [];
      for (const side of [first, 1 - first]) times[side] = await pair[side]!.sample(size);
      into.own.push(times[0]!);
      into.other.push(times[1]!);
      if (!m.launches.includes(into)) m.launches.push(into);
    },
    async dispose() {
      // A process that ended has nothing to free, and its sizes have failed with the reason.
      for (const p of pair) await p.dispose(size).catch(() => undefined);
    },
  };
}

function demand(check: CheckResult, side: number): void {
  if (check.passed) return;
  const where = `${check.what} check at ${check.size} tokens`;
  throw new Error(`wrong in ${side === 0 ? "this" : "the other"} build: ${where}, ${check.detail ?? "not finite"}`);
}

function agree([own, other]: readonly [Answer, Answer], { what, size }: Size): void {
  const largest = own.row.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const difference = own.row.reduce((most, x, i) => Math.max(most, Math.abs(x - other.row[i]!)), 0);
  if (own.row.length === other.row.length && difference <= AGREE * largest) return;
  const by = `their last rows differ by ${difference.toExponential(2)}, the largest entry is ${largest.toExponential(2)}`;
  throw new Error(`the builds give different answers: ${what} at ${size} tokens, ${by}`);
}

async function guarded(c: Comparison, cell: string, failed: Failure[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (c.signal.aborted) return;
    failed.push({ cell, reason: messageOf(error) });
    c.progress.note(`${cell}: ${messageOf(error)}`);
  }
}
