import type { CellResult, MemoryResult, PlanItem } from "@attnkit/measure/results";
import { growth } from "@attnkit/measure/statistics";
import { messageOf } from "../io.ts";
import { cellOf, type Session, sound } from "./cells.ts";
import { type Peak, peak } from "./peak.ts";

/** Bytes. Smaller growths are noise of the allocator and of V8. */
const LEAST = 2 ** 20;
/** A growth of this many floors has an error of at most a quarter, even if the whole floor is wrongly counted. */
const FLOORS = 4;

/** Returns the smallest growth of a cell, in bytes, that depends measurably on its length. */
export const resolution = (points: readonly Pick<MemoryResult, "floor">[]): number =>
  FLOORS * Math.max(LEAST, ...points.map((p) => p.floor));

/** Sorts the points by length. `resolved` tells whether the growth exceeds what every length costs. */
export function resolve(points: readonly Omit<MemoryResult, "resolved">[]): MemoryResult[] {
  const least = resolution(points);
  return points.map((p) => ({ ...p, resolved: p.growth >= least })).sort((a, b) => a.length - b.length);
}

/**
 * Returns the growth exponent of the memory that a prefill adds beyond the floor, or null for fewer than three resolved
 * lengths.
 */
export const memoryGrowth = (points: readonly MemoryResult[]): CellResult["growth"]["memory"] =>
  growth(points.filter((p) => p.resolved).map((p) => ({ size: p.length, value: p.growth - p.floor })));

/** Measures every planned peak that is still missing, one process after the other. */
export async function memoryAll(session: Session): Promise<void> {
  for (const item of session.results.plan?.items ?? []) {
    const s = sound(session).find((x) => x.id === item.cell);
    if (session.signal.aborted || item.what !== "memory" || !s) continue;
    const cell = cellOf(session, s.id);
    if (cell.memory.some((m) => m.length === item.size)) continue;
    session.progress.step("peak memory", `${s.id}, ${item.size} tokens`);
    const { B, Hq, Hkv, d, dv } = s.sequence;
    const { mechanism, options, backend, dtype } = cell;
    const { kernels, threads } = session.results.options;
    const sizes = { B, Hq, Hkv, d, dv, length: item.size };
    try {
      const job = { mechanism, options, backend, dtype, kernels, threads, ...sizes };
      cell.memory = resolve([...cell.memory, point(item.size, await peak(job, session.signal))]);
    } catch (error) {
      if (!session.signal.aborted) leaveOut(session, item, messageOf(error));
    }
    await session.save();
  }
}

const point = (length: number, { before, peak: top, floor }: Peak): Omit<MemoryResult, "resolved"> => ({
  ...{ length, before, peak: top },
  ...{ growth: top - before, floor },
});

function leaveOut({ results, progress }: Session, item: PlanItem, reason: string): void {
  const { cell, what, size, seconds } = item;
  progress.note(`peak memory of ${cell} at ${size} tokens was not measured: ${reason}`);
  if (!results.plan) return;
  results.plan.items = results.plan.items.filter((x) => x !== item);
  results.plan.leftOut.push({ cell, what, size, seconds, reason });
}
