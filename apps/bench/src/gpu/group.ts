import { isAttentionError } from "@attnkit/core";
import { medianInterval, readable } from "@attnkit/measure/bootstrap";
import * as f from "@attnkit/measure/format";
import { type Job, schedule } from "@attnkit/measure/schedule";
import { summary } from "@attnkit/measure/statistics";
import { callsFor } from "@attnkit/measure/time";
import { breathe, messageOf } from "../io.ts";
import type { RecordCell, RecordGroup } from "../record.ts";
import type { Progress } from "../report/progress.ts";
import { type Cell, Refusal } from "./cell.ts";
import { withDeviceErrors } from "./device-errors.ts";
import { type GroupPlan, nameOf } from "./sizes.ts";

/** Samples of a cell, at least: fewer have no interval. */
const FEWEST = 3;

/** Where a group is measured: when to stop, and the seconds since the record began. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Returns the seconds that are left for the record. */
  left(): number;
}

/** The answer of a cell is wrong, and its time would mean nothing. */
class WrongAnswer extends Error {}

/** Checks every cell of a group, and samples those with right answers in rounds, so that a slow moment hits all alike. */
export async function measureGroup(plan: GroupPlan, cells: readonly Cell[], watch: Watch): Promise<RecordGroup> {
  const items = cells.map((cell) => ({ cell, result: empty(cell) }));
  const name = nameOf(plan);
  await schedule<(typeof items)[0]>({
    items,
    signal: watch.signal,
    live: ({ result }) => result.status === "ok",
    async guard({ cell, result }, work) {
      const start = performance.now();
      try {
        await withDeviceErrors(work);
      } catch (error) {
        Object.assign(result, { status: statusOf(cell, error), reason: messageOf(error) });
        Object.assign(result, { samples: [], calls: 0, median: 0, q1: 0, q3: 0 });
        watch.progress.note(`${name}: ${result.id}: ${result.status}: ${result.reason}`);
      }
      result.spent += (performance.now() - start) / 1000;
    },
    prepare: async ({ cell, result }) => {
      watch.progress.step(name, cell.name);
      return prepare(plan, cell, result, watch);
    },
    budget: { fewest: FEWEST, seconds: () => Math.max(0, watch.left()) },
    pause: breathe,
  });
  for (const { result } of items) {
    if (result.status === "ok" && result.samples.length === 0) cut(result, "the record was interrupted before it");
    if (result.samples.length === 0) continue;
    const bounds = medianInterval(result.samples);
    result.interval = { ...bounds, readable: readable(result.median, bounds, result.samples.length) };
  }
  return { name, what: plan.what, sizes: { ...plan.sizes }, seconds: plan.seconds, cells: items.map((i) => i.result) };
}

/** Checks, warms up, and decides what fits into the cell's seconds. Returns nothing if it is cut, with the reason in `result`. */
async function prepare(
  { seconds, samples, calls: most }: GroupPlan,
  cell: Cell,
  result: RecordCell,
  watch: Watch,
): Promise<Job | undefined> {
  if (watch.left() <= 0) {
    cut(result, "the time of the record was over before it");
    return undefined;
  }
  const start = performance.now();
  const { checks, flops, bytes, gpu, note, sample, dispose } = await cell.open();
  let kept = false;
  try {
    Object.assign(result, { checks: [...checks], flops, bytes, gpu, ...(note !== undefined && { note }) });
    const bad = checks.find((check) => !check.passed);
    if (bad) throw new WrongAnswer(`${bad.what} check at ${bad.size} tokens: ${bad.detail ?? "wrong"}`);
    await sample(1);
    const alone = await sample(1);
    // Calls that are not waited for one by one take less than one that is.
    const few = callsFor(alone, most);
    const call = few > 1 ? Math.min(alone, await sample(few)) : alone;
    const left = seconds - (performance.now() - start) / 1000;
    if (FEWEST * call > seconds) {
      cut(result, `${FEWEST} samples of ${f.time(call)} do not fit into its ${seconds} s`);
      return undefined;
    }
    const calls = Math.max(1, Math.min(callsFor(call, most), Math.floor(Math.max(left, 0) / FEWEST / call)));
    const wanted = Math.max(FEWEST, Math.min(samples, Math.floor(left / (calls * call))));
    result.calls = calls;
    kept = true;
    return {
      get taken() {
        return result.samples.length;
      },
      wanted,
      async sample() {
        result.samples.push(await sample(calls));
        Object.assign(result, summary(result.samples));
      },
      dispose,
    };
  } finally {
    if (!kept) dispose();
  }
}

/** An error of attnkit is a failure, unless it says that this cannot run here. Other programs may simply not run. */
function statusOf({ role, column }: Cell, error: unknown): RecordCell["status"] {
  const unsupported = isAttentionError(error, "ATTN_UNSUPPORTED") || isAttentionError(error, "ATTN_NO_KERNEL");
  const own = role === "attnkit" || column === "webgpu";
  return own && !unsupported && !(error instanceof Refusal) ? "failed" : "refused";
}

function cut(result: RecordCell, reason: string): void {
  Object.assign(result, { status: "cut", reason });
}

const empty = ({ column, role, name, dtype }: Cell): RecordCell => ({
  ...{ id: `${name} on ${column} ${dtype}`, column, role, name, dtype, status: "ok", checks: [] },
  ...{ calls: 0, samples: [], median: 0, q1: 0, q3: 0, interval: null, flops: null, bytes: null, gpu: null, spent: 0 },
});
