import type { Pairs } from "@attnkit/measure/bootstrap";
import type { LeftOut } from "@attnkit/measure/results";
import { messageOf } from "../../io.ts";
import type { Progress } from "../../report/progress.ts";
import { type Candidate, plan } from "../plan.ts";
import { answersOf, demand } from "./answers.ts";
import { type Judgement, judge } from "./judge.ts";
import { type Builds, type Effort, launch, type Pair, samples, samplesFor } from "./pair.ts";
import type { Cell, Clock, Size } from "./protocol.ts";

/** Two builds, and how they are compared. */
export interface Comparison extends Builds {
  /** Times may differ by this share, for example 0.1. */
  readonly threshold: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Default `EFFORT`. */
  readonly effort?: ComparisonEffort;
}

/** How much is measured. */
export interface ComparisonEffort extends Effort {
  /** Pairs of processes that measure a cell before it is judged, at least 2. */
  readonly pairs: number;
  /** Times that a cell is measured and judged at most: again as long as it may be beyond the threshold. */
  readonly looks: number;
}

export const EFFORT: ComparisonEffort = { pairs: 5, looks: 3, warm: 0.4, samples: 50, sample: 0.004 };

/** The times of one size in both builds. */
export interface Compared extends Size, Judgement {
  readonly clock: Clock;
  /** The samples of each pair of processes. */
  readonly pairs: readonly Pairs[];
}

/** A cell that has no ratio, and the reason. */
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

/** Seconds to start a process and to open a backend in it. */
const START = 0.7;

interface Measured extends Size {
  readonly cellOf: Cell;
  readonly pairs: Pairs[];
}

/**
 * Measures two builds in one run. The unit of evidence is a pair of fresh processes that measure one cell: other cells in
 * the same process would change how V8 compiles the code that they share. Throws `UsageError` if a build does not start.
 */
export async function compare(c: Comparison): Promise<Outcome> {
  const { effort = EFFORT, signal, progress } = c;
  const failed: Failure[] = [];
  const sound = ({ cell }: { readonly cell: string }) => !failed.some((f) => f.cell === cell);
  /** Runs `work` for one cell. An error fails the cell, and the others continue. */
  const guarded = async (cell: string, work: () => Promise<void>) => {
    if (signal.aborted || !sound({ cell })) return;
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      failed.push({ cell, reason: messageOf(error) });
      progress.note(`${cell}: ${messageOf(error)}`);
    }
  };
  progress.step("starting both builds", c.dir);
  const { skipped, leftOut, measured } = await launch(c, 0, async (pair, lists) => {
    const { both, skipped } = common(...lists);
    const candidates: Candidate[] = [];
    for (const { id } of both)
      await guarded(id, async () => {
        progress.step("checking answers of both builds", id);
        for (const [side, p] of pair.entries()) demand(await p.check(id), side);
        progress.step("pilot timings", id);
        candidates.push(...(await predicted(pair, id, effort)));
      });
    const { items, leftOut } = plan(candidates, c.options.budget, 1, 1);
    const measured: Measured[] = [];
    for (const { cell, what, size } of items)
      await guarded(cell, async () => {
        if (what === "memory") return;
        progress.step("checking answers of both builds", `${cell}, ${what} of ${size} tokens`);
        await answersOf(pair, { cell, what, size });
        measured.push({ cell, what, size, cellOf: both.find((x) => x.id === cell)!, pairs: [] });
      });
    return { skipped, leftOut, measured };
  });
  const rows = () => measured.filter((m) => sound(m) && m.pairs.length >= 2);
  const judged = (m: Measured): Judgement =>
    judge(
      m.pairs.map(({ own, other }) => Math.min(...own) / Math.min(...other)),
      {
        threshold: c.threshold,
        verdicts: effort.looks * measured.filter(sound).length,
      },
    );
  for (let look = 0; look < effort.looks; look++) {
    const open = look === 0 ? measured : rows().filter((m) => judged(m).open);
    for (let n = 0; n < effort.pairs; n++)
      for (const cell of new Set(open.map((m) => m.cellOf)))
        await guarded(cell.id, async () => {
          const sizes = open.filter((m) => m.cell === cell.id);
          progress.step(
            `timing both builds in turns, look ${look + 1} of up to ${effort.looks}`,
            `processes ${n + 1} of ${effort.pairs}, ${cell.id}`,
          );
          const builds = { ...c, options: { ...c.options, backend: cell.backend } };
          const taken = await launch(builds, n, (pair) => samples(pair, n, sizes, effort, signal));
          for (const [i, m] of sizes.entries()) m.pairs.push(taken[i]!);
        });
  }
  const compared = rows().map((m): Compared => {
    const { cellOf, ...rest } = m;
    return { ...rest, clock: cellOf.clock, ...judged(m) };
  });
  return { compared, failed, skipped, leftOut, complete: !signal.aborted };
}

function common(own: readonly Cell[], other: readonly Cell[]): { both: Cell[]; skipped: Failure[] } {
  const both: Cell[] = [];
  const skipped: Failure[] = [];
  for (const cell of new Map([...own, ...other].map((x) => [x.id, x])).values()) {
    const [here, there] = [own, other].map((list) => list.some((x) => x.id === cell.id));
    const skip = (reason: string) => skipped.push({ cell: cell.id, reason });
    if (cell.software) skip("its adapter is software, whose times have no meaning");
    else if (here && there) both.push(cell);
    else skip(here ? "only this build has it" : "only the other build has it");
  }
  return { both, skipped };
}

/** Returns candidates whose only call is the first look at a size: all of its pairs of processes. */
async function predicted(pair: Pair, cell: string, effort: ComparisonEffort): Promise<Candidate[]> {
  const [own, other] = [await pair[0].pilot(cell), await pair[1].pilot(cell)];
  return own.map((a, i): Candidate => {
    const b = other[i]!;
    const call = (a.call + b.call) / 2;
    const each =
      START / own.length + Math.max(effort.warm, call) + samplesFor(call, effort) * Math.max(effort.sample, call);
    return { ...a, setup: a.setup + b.setup, call: 2 * effort.pairs * each, calls: 1 };
  });
}
