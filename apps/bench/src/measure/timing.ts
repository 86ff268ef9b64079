import { breathe } from "../io.ts";
import type { DecodeResult, PlanItem, PrefillResult } from "../results.ts";
import { cellOf, guarded, record, type Session, sound } from "./cells.ts";
import { checkDecode, checkPrefill } from "./check.ts";
import { FEWEST } from "./plan.ts";
import { summary } from "./statistics.ts";
import { decodeCost, prefillCost, release, type Subject, stateAfter, stateBytes } from "./subject.ts";
import { decode, prefill, type Timed, warm } from "./time.ts";

type Job = {
  readonly item: PlanItem;
  readonly s: Subject;
  readonly timed: Timed;
  readonly into: PrefillResult | DecodeResult;
};

/** Checks and warms every planned size, then takes the samples in rounds over all cells, so that drift hits all alike. */
export async function timeAll(session: Session, what: "prefill" | "decode"): Promise<void> {
  const jobs: Job[] = [];
  for (const item of session.results.plan?.items ?? []) {
    const s = sound(session).find((x) => x.id === item.cell);
    if (session.signal.aborted || item.what !== what || !s) continue;
    const before = cellOf(session, s.id)[what].find((p) => ("length" in p ? p.length : p.context) === item.size);
    if (before && before.samples.length >= item.rounds) continue;
    session.progress.step(`checking and warming up ${what}`, `${s.id}, ${item.size} tokens`);
    await guarded(session, s, async () => {
      jobs.push(await (what === "prefill" ? preparePrefill : prepareDecode)(session, item, s));
    });
    await breathe();
  }
  const rounds = Math.max(0, ...jobs.map((j) => j.item.rounds));
  const end = performance.now() + 1000 * jobs.reduce((sum, j) => sum + j.item.seconds, 0);
  for (let round = 0; round < rounds; round++) {
    if (round >= FEWEST && performance.now() > end) {
      // The machine is busier than it was for the pilots: the plan's extra rounds are given up, and the record says so.
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

const EMPTY = { samples: [], median: 0, q1: 0, q3: 0 };
/** Seconds of warming up before the first sample of a size; less where the whole budget is a few seconds. */
const warmUp = ({ results }: Session): number => Math.min(0.05, results.options.budget / 180);

async function preparePrefill(session: Session, item: PlanItem, s: Subject): Promise<Job> {
  const cell = cellOf(session, s.id);
  const timed = prefill(s, item.size);
  const y = await timed.once();
  record(cell, await checkPrefill(s, item.size, y));
  release(s, [y]);
  if (item.calls > 1) await warm(timed, warmUp(session));
  const { outputs: _, ...cost } = prefillCost(s, item.size);
  const into = cell.prefill.find((p) => p.length === item.size);
  return { item, s, timed, into: into ?? { length: item.size, calls: item.calls, ...EMPTY, samples: [], cost } };
}

async function prepareDecode(session: Session, item: PlanItem, s: Subject): Promise<Job> {
  const cell = cellOf(session, s.id);
  const state = await stateAfter(s, item.size);
  const timed = decode(s, item.size, state);
  const y = await timed.once();
  record(cell, await checkDecode(s, item.size, y));
  release(s, [y]);
  await warm(timed, warmUp(session));
  const { outputs: _, ...cost } = decodeCost(s, item.size);
  const into = cell.decode.find((p) => p.context === item.size);
  const fresh = {
    context: item.size,
    calls: item.calls,
    ...EMPTY,
    samples: [],
    cost,
    stateBytes: await stateBytes(s, state),
  };
  return { item, s, timed, into: into ?? fresh };
}
