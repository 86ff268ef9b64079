import { label } from "@attnkit/measure/choice";
import type { CellResult, Results } from "@attnkit/measure/results";
import type { Subject } from "@attnkit/measure/subject";
import type { Weighting } from "./accuracy.ts";
import { bytesCrossover, type Context, timeCrossover } from "./crossover.ts";
import type { Facts, Row } from "./frontier.ts";
import { undominated } from "./pareto.ts";
import { stateSize } from "./state-size.ts";

/** Everything that was found out about the cells of a run. */
export interface Found {
  readonly results: Results;
  readonly subjects: readonly Subject[];
  /** The keys are names of cells. */
  readonly facts: ReadonlyMap<string, Facts>;
  /** The keys are labels of mechanisms. */
  readonly weights: ReadonlyMap<string, Weighting>;
}

/** Joins accuracy, times and sizes of every cell, and marks the cells that no other one on their backend beats. */
export function rowsOf(found: Found): Row[] {
  const rows = found.subjects.map((s) => rowOf(found, s));
  return rows.map((row) => ({ ...row, undominated: isUndominated(row, rows) }));
}

/** Compares a row with those of its backend that were timed at the longest context; null if it was not. */
function isUndominated(row: Row, all: readonly Row[]): boolean | null {
  const timed = all.flatMap((r) =>
    r.backend === row.backend && r.accuracy && r.decode
      ? [{ row: r, context: r.decode.context, distance: r.accuracy.distance, cost: r.decode.median }]
      : [],
  );
  const longest = Math.max(...timed.map(({ context }) => context));
  const trades = timed.filter(({ context }) => context === longest);
  if (!trades.some((t) => t.row === row)) return null;
  return undominated(trades).some((t) => t.row === row);
}

/** Returns the reason why a cell cannot run at the length of the prefill, if it cannot at any time budget. */
export const tooLarge = ({ plan }: Results, { id }: Subject): string | undefined =>
  plan?.leftOut.find((x) => x.cell === id && x.what === "prefill" && x.reason !== "time budget")?.reason;

function rowOf(found: Found, s: Subject): Row {
  const { results, facts, weights, subjects } = found;
  const cell = results.cells.find((c) => c.id === s.id)!;
  const own = cell.status === "ok" ? facts.get(s.id) : undefined;
  const tokens = results.options.lengths[0]!;
  // Times of a software adapter say nothing.
  const timed = own && !cell.adapter?.software ? cell : undefined;
  const softmax = subjects.find((x) => x.entryName === s.entryName && label(x.choice) === "softmax");
  const constant = own ? isConstant(s, cell, tokens, own.bytes) : null;
  const other = softmax && results.cells.find((c) => c.id === softmax.id && c.status === "ok");
  return {
    ...{ cell: s.id, label: label(s.choice), backend: s.entryName, dtype: s.backend.dtype },
    accuracy: own?.accuracy ?? null,
    check: cell.checks.findLast((c) => c.what === "prefill") ?? cell.checks.at(-1) ?? null,
    ...(!own && { reason: cell.reason ?? tooLarge(results, s) ?? "not compared" }),
    weights: weights.get(label(s.choice)) ?? { none: "not read" },
    prefill: of(timed?.prefill.at(-1), "length"),
    decode: of(timed?.decode.filter((p) => p.context <= tokens).at(-1), "context"),
    stateBytes: own?.bytes ?? null,
    constantState: constant,
    crossover:
      own && constant && softmax && softmax !== s && other
        ? {
            bytes: bytesCrossover({ fixed: own.bytes, perToken: 0 }, stateSize(softmax)),
            time: timed ? timeCrossover(contexts(cell, other)) : null,
          }
        : null,
    undominated: null,
  };
}

/** A state is constant if it has one size at all contexts, also where a mechanism cuts it, as a window does. */
function isConstant(s: Subject, cell: CellResult, tokens: number, bytes: number): boolean {
  const others = cell.decode.filter((p) => p.context !== tokens);
  return others.length > 0 ? others.every((p) => p.stateBytes === bytes) : stateSize(s).perToken === 0;
}

function of<K extends "length" | "context", P extends Record<K | "median" | "q1" | "q3", number>>(
  point: P | undefined,
  size: K,
): Pick<P, K | "median" | "q1" | "q3"> | null {
  if (!point) return null;
  const { [size]: tokens, median, q1, q3 } = point;
  return { [size]: tokens, median, q1, q3 } as Pick<P, K | "median" | "q1" | "q3">;
}

const contexts = (own: CellResult, other: CellResult): Context[] =>
  own.decode.flatMap((p) => {
    const its = other.decode.find((x) => x.context === p.context);
    return its ? [{ tokens: p.context, own: p.samples, other: its.samples }] : [];
  });
