import { checkOracle } from "@attnkit/measure/check";
import type { Results } from "@attnkit/measure/results";
import { growth } from "@attnkit/measure/statistics";
import { breathe } from "../io.ts";
import { cellOf, guarded, record, type Session, sound } from "./cells.ts";
import { memoryAll, memoryGrowth } from "./memory.ts";
import { memoryCandidate, pilot } from "./pilot.ts";
import { type Candidate, plan } from "./plan.ts";
import { intervalOf, ratios } from "./ratios.ts";
import { timeAll } from "./timing.ts";

/** The share of the time budget for prefill and decode. Peak memory gets the rest. */
const TIMING_SHARE = 0.85;

/**
 * Checks every cell, plans, times, and writes everything into `results`. If interrupted, it stops early and leaves
 * complete entries.
 */
export async function measure(session: Session): Promise<void> {
  const { results, signal } = session;
  await checkAll(session);
  if (!signal.aborted) results.plan ??= await planAll(session);
  for (const what of ["prefill", "decode"] as const) if (!signal.aborted) await timeAll(session, what);
  if (!signal.aborted) await memoryAll(session);
  for (const cell of results.cells) for (const p of [...cell.prefill, ...cell.decode]) p.interval = intervalOf(p);
  // Other programs only add time. The lower quartile is therefore the more stable estimate of a size's own cost.
  for (const cell of results.cells) {
    cell.growth = {
      prefill: growth(cell.prefill.map((p) => ({ size: p.length, value: p.q1 }))),
      decode: growth(cell.decode.map((p) => ({ size: p.context, value: p.q1 }))),
      memory: memoryGrowth(cell.memory),
    };
  }
  results.ratios = ratios(results.cells);
  results.complete = !signal.aborted;
}

async function checkAll(session: Session): Promise<void> {
  for (const s of session.subjects) {
    if (session.signal.aborted) return;
    const cell = cellOf(session, s.id);
    if (!["unchecked", "ok"].includes(cell.status)) continue;
    session.progress.step("checking answers", s.id);
    await guarded(session, s, async () => {
      cell.status = "ok";
      record(cell, await checkOracle(s));
    });
    await breathe();
  }
  await session.save();
}

async function planAll(session: Session): Promise<Results["plan"]> {
  const { budget, rounds, memory } = session.results.options;
  const candidates: Candidate[] = [];
  for (const s of sound(session)) {
    if (session.signal.aborted) return null;
    session.progress.step("pilot timings", s.id);
    await guarded(session, s, async () => {
      candidates.push(...(await pilot(s, session.results.options)));
    });
    await breathe();
  }
  const timing = plan(candidates, memory ? budget * TIMING_SHARE : budget, rounds);
  const longest = sound(session).flatMap(({ id, baseline }) => {
    if (baseline) return [];
    const lengths = timing.items.filter((i) => i.cell === id && i.what === "prefill").map((i) => i.size);
    // The longest lengths: the memory of short ones is small compared with what every call takes.
    const chosen = lengths.sort((a, b) => b - a).slice(0, memory);
    return chosen.map((length) => memoryCandidate(candidates, id, length));
  });
  const spent = timing.items.reduce((sum, i) => sum + i.seconds, 0);
  const rest = plan(longest, budget - spent, 1);
  return { items: [...timing.items, ...rest.items], leftOut: [...timing.leftOut, ...rest.leftOut] };
}
