import { checkOracle } from "@attnkit/measure/check";
import { growth } from "@attnkit/measure/statistics";
import { breathe, messageOf } from "../io.ts";
import type { Results } from "../results.ts";
import { cellOf, guarded, record, type Session, sound } from "./cells.ts";
import { peak } from "./peak.ts";
import { memoryCandidate, pilot } from "./pilot.ts";
import { type Candidate, plan } from "./plan.ts";
import { ratios } from "./ratios.ts";
import { timeAll } from "./timing.ts";

/** Of the time budget, what prefill and decode get; peak memory is measured in the rest. */
const TIMING_SHARE = 0.85;

/** Checks every cell, plans, times, and leaves everything in `results`; stops early, but whole, when interrupted. */
export async function measure(session: Session): Promise<void> {
  const { results, signal } = session;
  await checkAll(session);
  if (!signal.aborted) results.plan ??= await planAll(session);
  for (const what of ["prefill", "decode"] as const) if (!signal.aborted) await timeAll(session, what);
  if (!signal.aborted) await memoryAll(session);
  // Other programs only ever add time: the lower quartile is the steadier of what a size costs by itself.
  for (const cell of results.cells) {
    cell.growth = {
      prefill: growth(cell.prefill.map((p) => ({ size: p.length, time: p.q1 }))),
      decode: growth(cell.decode.map((p) => ({ size: p.context, time: p.q1 }))),
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
    return memory && lengths.length ? [memoryCandidate(candidates, id, Math.max(...lengths))] : [];
  });
  const spent = timing.items.reduce((sum, i) => sum + i.seconds, 0);
  const rest = plan(longest, budget - spent, 1);
  return { items: [...timing.items, ...rest.items], leftOut: [...timing.leftOut, ...rest.leftOut] };
}

async function memoryAll(session: Session): Promise<void> {
  for (const item of session.results.plan?.items ?? []) {
    const s = sound(session).find((x) => x.id === item.cell);
    if (session.signal.aborted || item.what !== "memory" || !s) continue;
    const cell = cellOf(session, s.id);
    if (cell.memory) continue;
    session.progress.step("peak memory", `${s.id}, ${item.size} tokens`);
    const { B, Hq, Hkv, d, dv } = s.sequence;
    const { mechanism, options, backend, dtype } = cell;
    const { kernels } = session.results.options;
    const sizes = { B, Hq, Hkv, d, dv, length: item.size };
    try {
      const { before, peak: top } = await peak(
        { mechanism, options, backend, dtype, kernels, ...sizes },
        session.signal,
      );
      cell.memory = { length: item.size, before, peak: top, growth: top - before };
    } catch (error) {
      if (!session.signal.aborted)
        session.progress.note(`peak memory of ${s.id} was not measured: ${messageOf(error)}`);
    }
    await session.save();
  }
}
