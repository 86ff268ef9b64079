import { gpuUse } from "@attnkit/catalog";
import { checkDecode, checkPrefill } from "@attnkit/measure/check";
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
import type { DecodeResult, GpuResult, PlanItem, PrefillResult } from "../results.ts";
import { cellOf, guarded, record, type Session, sound } from "./cells.ts";
import { FEWEST } from "./plan.ts";

type Job = {
  readonly item: PlanItem;
  readonly s: Subject;
  readonly timed: Timed;
  readonly into: PrefillResult | DecodeResult;
};

/**
 * Checks and warms up every planned size. Then takes samples in rounds over all cells, so that drift affects all of
 * them alike.
 */
export async function timeAll(session: Session, what: "prefill" | "decode"): Promise<void> {
  const jobs: Job[] = [];
  for (const item of session.results.plan?.items ?? []) {
    const s = sound(session).find((x) => x.id === item.cell);
    if (session.signal.aborted || item.what !== what || !s) continue;
    const before = cellOf(session, s.id)[what].find((p) => ("length" in p ? p.length : p.context) === item.size);
    if (before && before.samples.length >= item.rounds) continue;
    session.progress.step(`checking and warming up ${what}`, `${s.id}, ${item.size} tokens`);
    await guarded(session, s, async () => {
      const prepare = what === "prefill" ? preparePrefill : prepareDecode;
      if (!s.baseline) jobs.push(await prepare(session, item, s));
      else jobs.push(...(await orLeftOut(session, item, prepare(session, item, s))));
    });
    await breathe();
  }
  const rounds = Math.max(0, ...jobs.map((j) => j.item.rounds));
  const end = performance.now() + 1000 * jobs.reduce((sum, j) => sum + j.item.seconds, 0);
  for (let round = 0; round < rounds; round++) {
    if (round >= FEWEST && performance.now() > end) {
      // The machine is busier than during the pilots. The plan's extra rounds are dropped, and the record says so.
      session.progress.note(`${what} takes longer than planned: ${round} rounds instead of up to ${rounds}`);
      for (const { item } of jobs) item.rounds = Math.min(item.rounds, round);
      break;
    }
    session.progress.step(`timing ${what}`, `round ${round + 1} of ${rounds}`);
    for (const { item, s, timed, into } of jobs) {
      const due = into.samples.length <= round && into.samples.length < item.rounds;
      if (session.signal.aborted || !due || cellOf(session, s.id).status !== "ok") continue;
      await guarded(session, s, async () => {
        into.samples.push(await timed.sample(item.calls));
        Object.assign(into, summary(into.samples));
        const all: (PrefillResult | DecodeResult)[] = cellOf(session, s.id)[what];
        if (!all.includes(into)) all.push(into);
      });
      await breathe();
    }
    await session.save();
  }
  for (const { timed } of jobs) timed.dispose();
}

/** Leaves out one size at which a baseline fails, and keeps the reason. Its other sizes are still measured. */
async function orLeftOut({ results }: Session, item: PlanItem, job: Promise<Job>): Promise<Job[]> {
  try {
    return [await job];
  } catch (error) {
    const { cell: id, what, size, seconds } = item;
    const cell = results.cells.find((c) => c.id === id)!;
    cell.checks = cell.checks.filter((check) => check.passed);
    if (results.plan) {
      results.plan.items = results.plan.items.filter((x) => x !== item);
      results.plan.leftOut.push({ cell: id, what, size, seconds, reason: messageOf(error) });
    }
    return [];
  }
}

const EMPTY = { samples: [], median: 0, q1: 0, q3: 0 };
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
  return {
    item,
    s,
    timed,
    into: into ?? { length: item.size, calls: item.calls, ...EMPTY, samples: [], cost, work, gpu },
  };
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
  return { item, s, timed, into: into ?? fresh };
}
