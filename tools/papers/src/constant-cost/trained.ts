import type { Mechanism, Options } from "@attnkit/core";
import type { AboutMechanism } from "@attnkit/core/program";
import { about as elementwise } from "@attnkit/elementwise/about";
import { about as linear } from "@attnkit/linear/about";
import { about as logsumexp } from "@attnkit/logsumexp/about";
import { about as polynomial } from "@attnkit/polynomial/about";
import { about as softmax } from "@attnkit/softmax/about";
import type { Params, Size } from "../experiment.ts";
import { spreadOf } from "../run/table.ts";
import type { Spread, Table } from "../table.ts";

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

/** The candidate without attention to other tokens. */
export const CONTROL = "no context";

/** One cell per mechanism. */
export const trainedCells = (size: Size): readonly Params[] =>
  Object.keys(candidates)
    .filter((name) => size === "full" || !candidates[name]!.full)
    .map((mechanism) => ({ mechanism }));

export function candidate(name: string): Mechanism {
  const { about, options } = candidates[name]!;
  return about.create(options);
}

/** Returns the spread of `a - b` in one column, by seed: runs of one seed share first weights and data. */
export function difference(table: Table, column: string, a: string, b: string): Spread {
  const [x, y] = [a, b].map((mechanism) => table.where({ mechanism }).values(column));
  if (x!.length !== y!.length)
    throw new Error(`${a} has ${x!.length} seeds and ${b} has ${y!.length}, expected equal numbers`);
  return spreadOf(x!.map((value, i) => value - y![i]!));
}
