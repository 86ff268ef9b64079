import { checkDecode, checkPrefill } from "@attnkit/measure/check";
import { gpuUse } from "@attnkit/measure/gpu-meter";
import type { DecodeResult, GpuResult, PlanItem, PrefillResult } from "@attnkit/measure/results";
import { type Job, schedule } from "@attnkit/measure/schedule";
import { summary } from "@attnkit/measure/statistics";
import {
  decodeCost,
  parts,
  prefillCost,
  prefillWork,
  release,
  type Subject,
  stateAfter,
  stateBytes,
} from "@attnkit/measure/subject";
import { decode, prefill, type Timed, warm } from "@attnkit/measure/time";
import { breathe, messageOf } from "../io.ts";
import { cellOf, guarded, record, type Session } from "./cells.ts";
import { FEWEST } from "./plan.ts";

/** Checks and warms up every planned size, then takes the samples in rounds over all cells. */
export async function timeAll(session: Session, what: "prefill" | "decode"): Promise<void> {
  const planned = (session.results.plan?.items ?? []).filter((item) => item.what === what);
  const prepare = what === "prefill" ? preparePrefill : prepareDecode;
  await schedule({
    items: planned.flatMap((item): Item[] => {
      const s = session.subjects.find((x) => x.id === item.cell);
      return s && !complete(session, item) ? [{ item, s }] : [];
    }),
    signal: session.signal,
    live: ({ s }) => cellOf(session, s.id).status === "ok",
    guard: ({ s }, work) => guarded(session, s, work),
    prepare({ item, s }) {
      session.progress.step(`checking and warming up ${what}`, `${s.id}, ${item.size} tokens`);
      const job = prepare(session, item, s);
      return s.baseline ? orLeftOut(session, item, job) : job;
    },
    budget: { fewest: FEWEST, seconds: (prepared) => prepared.reduce((sum, { item }) => sum + item.seconds, 0) },
    late(round, rounds, prepared) {
      // The machine is busier than it was for the pilots: the plan's extra rounds are given up, and the record says so.
      session.progress.note(`${what} takes longer than planned: ${round} rounds instead of up to ${rounds}`);
      for (const { item } of prepared) item.rounds = Math.min(item.rounds, round);
    },
    roundBegins: (round, rounds) => session.progress.step(`timing ${what}`, `round ${round + 1} of ${rounds}`),
    roundEnded: () => session.save(),
    pause: breathe,
  });
}

interface Item {
  readonly item: PlanItem;
  readonly s: Subject;
}

/** An earlier run that is continued may have all samples of a size. */
function complete(session: Session, item: PlanItem): boolean {
  const points: readonly (PrefillResult | DecodeResult)[] = cellOf(session, item.cell)[item.what as "prefill"];
  const before = points.find((p) => ("length" in p ? p.length : p.context) === item.size);
  return before !== undefined && before.samples.length >= item.rounds;
}

/** The job that fills one point of a cell. */
function jobOf(session: Session, item: PlanItem, s: Subject, timed: Timed, into: PrefillResult | DecodeResult): Job {
  return {
    get taken() {
      return into.samples.length;
    },
    get wanted() {
      return item.rounds;
    },
    async sample() {
      into.samples.push(await timed.sample(item.calls));
      Object.assign(into, summary(into.samples));
      const all: (PrefillResult | DecodeResult)[] = cellOf(session, s.id)[item.what as "prefill"];
      if (!all.includes(into)) all.push(into);
    },
    dispose: () => timed.dispose(),
  };
}

/** A baseline that fails at one size has still its others: this size is left out and the reason kept. */
async function orLeftOut({ results }: Session, item: PlanItem, job: Promise<Job>): Promise<Job | undefined> {
  try {
    return await job;
  } catch (error) {
    const { cell: id, what, size, seconds } = item;
    const cell = results.cells.find((c) => c.id === id)!;
    cell.checks = cell.checks.filter((check) => check.passed);
    if (results.plan) {
      results.plan.items = results.plan.items.filter((x) => x !== item);
      results.plan.leftOut.push({ cell: id, what, size, seconds, reason: messageOf(error) });
    }
    return undefined;
  }
}

const EMPTY = { samples: [], median: 0, q1: 0, q3: 0, interval: null };
/**
 * Returns the seconds to warm up before the first sample of a size. It is less if the whole budget is a few seconds.
 */
const warmUp = ({ results }: Session): number => Math.min(0.05, results.options.budget / 180);

/** Measures the dispatches and peak bytes of one call, and the bytes of its inputs. */
async function useOf(s: Subject, inputs: Iterable<unknown>, call: () => Promise<unknown>): Promise<GpuResult | null> {
  const used = s.metered && (await gpuUse(s.metered, call));
  if (!used) return null;
  const bytes = [...inputs].reduce((n: number, x) => n + 4 * s.backend.shape(x).reduce((a, b) => a * b, 1), 0);
  return { dispatches: used.dispatches, inputs: bytes, added: used.bytes };
}

async function preparePrefill(session: Session, item: PlanItem, s: Subject): Promise<Job> {
  const cell = cellOf(session, s.id);
  const timed = prefill(s, item.size);
  const y = await timed.once();
  const { q, k, v } = timed.block;
  record(cell, await checkPrefill(s, item.size, y));
  release(s, [y]);
  if (item.calls > 1) await warm(timed, warmUp(session));
  const gpu = await useOf(s, [q, k, v], async () => release(s, parts(await s.attend({ q, k, v }))));
  const { outputs: _, ...cost } = prefillCost(s, item.size);
  const work = prefillWork(s, item.size);
  const into = cell.prefill.find((p) => p.length === item.size);
  const fresh = { length: item.size, calls: item.calls, ...EMPTY, samples: [], cost, work, gpu };
  return jobOf(session, item, s, timed, into ?? fresh);
}

async function prepareDecode(session: Session, item: PlanItem, s: Subject): Promise<Job> {
  const cell = cellOf(session, s.id);
  const state = await stateAfter(s, item.size);
  const timed = decode(s, item.size, state);
  const y = await timed.once();
  record(cell, await checkDecode(s, item.size, y));
  release(s, [y]);
  await warm(timed, warmUp(session));
  const { q, k, v } = timed.first();
  const gpu = await useOf(s, [q, k, v, ...Object.values(state)], async () =>
    release(s, parts(await s.attend({ q, k, v, state })), Object.values(state)),
  );
  const { outputs: _, ...cost } = decodeCost(s, item.size);
  const into = cell.decode.find((p) => p.context === item.size);
  const fresh = {
    context: item.size,
    calls: item.calls,
    ...EMPTY,
    samples: [],
    cost,
    stateBytes: await stateBytes(s, state),
    gpu,
  };
  return jobOf(session, item, s, timed, into ?? fresh);
}
