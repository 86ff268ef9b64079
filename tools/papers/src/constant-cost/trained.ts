import type { Mechanism, Options } from "@attnkit/core";
import type { AboutMechanism } from "@attnkit/core/program";
import { about as elementwise } from "@attnkit/elementwise/about";
import { about as linear } from "@attnkit/linear/about";
import { about as logsumexp } from "@attnkit/logsumexp/about";
import { about as polynomial } from "@attnkit/polynomial/about";
import { about as softmax } from "@attnkit/softmax/about";
import type { Params, Size } from "../experiment.ts";
import type { Table } from "../table.ts";

type Candidate = { readonly about: AboutMechanism; readonly options: Options; readonly full?: boolean };

/**
 * The mechanisms that are trained, by name. Values of log-sum-exp attention are logarithms, as in the paper's model. A
 * window of one key is softmax without context: the control.
 */
const candidates: Readonly<Record<string, Candidate>> = {
  softmax: { about: softmax, options: {} },
  logsumexp: { about: logsumexp, options: { logValues: true } },
  linear: { about: linear, options: {} },
  "no context": { about: softmax, options: { window: [0, 0] } },
  "logsumexp of v": { about: logsumexp, options: {}, full: true },
  "polynomial 2": { about: polynomial, options: { power: 2 }, full: true },
  "elementwise 2": { about: elementwise, options: { order: 2 }, full: true },
};

/** One cell per mechanism. */
export const trainedCells = (size: Size): readonly Params[] =>
  Object.keys(candidates)
    .filter((name) => size === "full" || !candidates[name]!.full)
    .map((mechanism) => ({ mechanism }));

export function candidate(name: string): Mechanism {
  const { about, options } = candidates[name]!;
  return about.create(options);
}

/** A mean of differences between two mechanisms with the same seed, and its 95 % interval, from the table's own spread. */
export function difference(table: Table, column: string, a: string, b: string): { mean: number; low: number; high: number } {
  const [x, y] = [a, b].map((mechanism) => table.where({ mechanism }));
  const differences = x!.rows.map(({ seed, values }) => {
    const other = y!.rows.find((row) => row.seed === seed);
    if (other === undefined) throw new Error(`${b} has no row with seed ${seed}, which ${a} has`);
    return values[column]! - other.values[column]!;
  });
  return interval(differences);
}
