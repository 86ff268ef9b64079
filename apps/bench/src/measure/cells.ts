import { isAttentionError } from "@attnkit/core";
import type { CellResult, CheckResult, Results } from "@attnkit/measure/results";
import type { Subject } from "@attnkit/measure/subject";
import { messageOf } from "../io.ts";
import type { Progress } from "../report/progress.ts";

/** A run of the benchmark: what is measured, where it is recorded, and when to stop. */
export interface Session {
  readonly results: Results;
  readonly subjects: readonly Subject[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Writes the results as they are. */
  save(): Promise<void>;
}

export const cellOf = ({ results }: Session, id: string): CellResult => results.cells.find((c) => c.id === id)!;

/** Returns the subjects whose answers were correct so far. The others are not timed. */
export const sound = (session: Session): Subject[] =>
  session.subjects.filter((s) => cellOf(session, s.id).status === "ok");

/** A wrong answer. Its cell keeps its checks and loses its timings. */
class WrongAnswer extends Error {}

/** Adds a check to the cell. Throws if the check was not passed. */
export function record(cell: CellResult, check: CheckResult): void {
  cell.checks.push(check);
  if (!check.passed)
    throw new WrongAnswer(`${check.what} check at ${check.size} tokens, ${check.detail ?? "not finite"}`);
}

/** Runs `work` for one cell. An error becomes the result of that cell, and the other cells continue. */
export async function guarded(session: Session, s: Subject, work: () => Promise<void>): Promise<void> {
  const cell = cellOf(session, s.id);
  try {
    await work();
  } catch (error) {
    const unsupported = isAttentionError(error, "ATTN_UNSUPPORTED") || isAttentionError(error, "ATTN_NO_KERNEL");
    cell.status = s.baseline ? "refused" : unsupported ? "unsupported" : "failed";
    cell.reason = messageOf(error);
    cell.prefill = [];
    cell.decode = [];
    cell.memory = [];
    session.progress.note(`${s.id}: ${cell.status}: ${cell.reason}`);
  }
}
