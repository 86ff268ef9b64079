/** The words of a claim that Markdown, HTML and the terminal share. */
import * as f from "@attnkit/measure/format";
import type { Params } from "@attnkit/papers";
import { type Assessment, type Chosen, type Outcome, paramsKey, spreadOf } from "@attnkit/papers/run";

export const nameOf = ({ experiment, claim }: Chosen): string => `${experiment.name}/${claim.name}`;

export const rulingOf = ({ verdict, withheld }: Assessment): string =>
  verdict ? verdict.ruling : `not measured: ${withheld}`;

/** The claim and its verdict in one line. */
export const sentenceOf = (a: Assessment): string =>
  `${nameOf(a)}: ${rulingOf(a)}${a.verdict ? `. ${a.verdict.measured}` : ""}`;

export const sourceOf = ({ claim: { paper, where } }: Assessment): string =>
  `${paper.authors}, ${paper.title}, ${paper.year}, arXiv:${paper.arxiv}, ${where}`;

export const paperUrl = ({ claim }: Assessment): string => `https://arxiv.org/abs/${claim.paper.arxiv}`;

/** The arguments that measure this claim again with the same seeds. */
export function commandOf({ experiment, claim, size }: Assessment, seeds: readonly number[]): string {
  const usual = seeds.join() === "1,2,3";
  // A single number of `--seeds` is a count.
  const chosen = usual ? "" : seeds.length === 1 ? ` --seeds 1 --seed ${seeds[0]}` : ` --seeds ${seeds.join(",")}`;
  return `attnkit reproduce ${experiment.name} --claim ${claim.name}${size === "full" ? " --full" : ""}${chosen}`;
}

export const setUpOf = ({ rows, failures, seeds, claim }: Assessment): string => {
  const cells = new Set([...rows, ...failures].map(({ params }) => paramsKey(params))).size;
  const alone = claim.alone ? ", one at a time since times count" : "";
  return `${cells} ${cells === 1 ? "cell" : "cells"} with the seeds ${seeds.join(", ")}${alone}.`;
};

/** The cell of a failure, as its parameters and seed, and what went wrong. */
export function failureOf({ params, seed, error }: Outcome): string {
  const cell = Object.entries(params).map(([name, value]) => `${name} = ${value}`);
  return `${[...cell, `seed ${seed}`].join(", ")}: ${error ?? "no values"}`;
}

/** A table of words. */
export interface Words {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One row per cell: its parameters, and of each column the mean with half its 95 % interval over seeds. */
export function meansOf({ rows }: Assessment): Words {
  const params = [...new Set(rows.flatMap((row) => Object.keys(row.params)))];
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.values)))];
  const cells = new Map<string, typeof rows>();
  for (const row of rows) {
    const key = paramsKey(row.params);
    cells.set(key, [...(cells.get(key) ?? []), row]);
  }
  return {
    head: [...params, "seeds", ...columns],
    rows: [...cells.values()].map((own) => [
      ...params.map((name) => shown(own[0]!.params[name])),
      String(own.length),
      ...columns.map((column) => mean(own.flatMap(({ values }) => values[column] ?? []))),
    ]),
  };
}

const shown = (value: Params[string] | undefined): string =>
  value === undefined ? "" : typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);

function mean(values: readonly number[]): string {
  if (values.length === 0) return "";
  const { mean: middle, high, deviation } = spreadOf(values);
  const lost = values.filter(Number.isNaN).length;
  if (lost > 0) return lost === values.length ? "diverged" : `diverged with ${lost} of ${values.length} seeds`;
  if (!Number.isFinite(middle)) return String(middle);
  return deviation === 0 ? number(middle) : `${number(middle)} ± ${number(high - middle)}`;
}

const number = (x: number): string => (Number.isInteger(x) && Math.abs(x) < 1e6 ? String(x) : f.digits(x));

export const TABLE_NOTE = "Means over seeds, ± half of the 95 % interval by Student's t.";

/** The file of a figure, unique in a run. */
export const figureFile = ({ experiment }: Pick<Assessment, "experiment">, figure: { readonly name: string }): string =>
  `${experiment.name}-${figure.name}.svg`;

/** A time that is predicted: `40 s`, `3 min`, `1.5 h`. */
export function duration(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 3570 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
