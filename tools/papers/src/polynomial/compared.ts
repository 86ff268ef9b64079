import type { Figure } from "../figure.ts";
import { spreadOf } from "../run/table.ts";
import type { Spread, Table } from "../table.ts";
import { ACCURACY, normAt, SHARES } from "./learn.ts";
import { BLOCKS } from "./vision-model.ts";

/** The spread of the accuracy of an activation. A run that diverged counts as 0. */
export const accuracyOf = (table: Table, activation: string): Spread => spreadOf(accuracies(table, activation));

/** The spread of `a - b` in accuracy, by seed: runs of one seed share first weights and data. */
export function lead(table: Table, a: string, b: string): Spread {
  const [x, y] = [accuracies(table, a), accuracies(table, b)];
  if (x.length !== y.length)
    throw new Error(`${a} has ${x.length} seeds and ${b} has ${y.length}; expected equal numbers`);
  return spreadOf(x.map((value, i) => value - y[i]!));
}

const accuracies = (table: Table, activation: string): number[] =>
  table
    .where({ activation })
    .values(ACCURACY)
    .map((x) => (Number.isNaN(x) ? 0 : x));

/** The largest norm of any block at any time, by seed. NaN if training diverged. */
export function largestNorms(table: Table, activation: string): number[] {
  const rows = table.where({ activation });
  const columns = SHARES.flatMap((share) =>
    Array.from({ length: BLOCKS }, (_, block) => rows.values(normAt(block, share))),
  );
  return columns[0]!.map((_, seed) => Math.max(...columns.map((values) => values[seed]!)));
}

/** Formats a mean and its standard deviation over seeds. */
export const plusMinus = ({ mean, deviation }: Spread, digits = 3): string =>
  `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;

/** Formats a mean and its 95 % interval over seeds. */
export const between = ({ mean, low, high }: Spread, digits = 3): string =>
  `${mean.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;

/** All activations with their accuracy, in words. */
export const accuraciesIn = (table: Table): string =>
  table
    .distinct<string>("activation")
    .map((name) => `${name} ${plusMinus(accuracyOf(table, name))}`)
    .join(", ");

/** Accuracy against the largest norm: one point per seed that did not diverge. */
export function accuracyAgainstNorm(table: Table, name: string, caption: string, chance: number, n: number): Figure {
  return {
    name,
    caption,
    panels: [
      {
        x: { label: "largest norm of a block's weights in training", scale: "log" },
        y: { label: "accuracy on held-out examples", scale: "linear" },
        series: table.distinct<string>("activation").map((activation) => {
          const rows = table.where({ activation }).values(ACCURACY);
          const norms = largestNorms(table, activation);
          const points = rows
            .map((y, i) => ({ x: norms[i]!, y }))
            .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
          return { name: activation, points };
        }),
        guides: [
          { at: "x", value: Math.sqrt(n), label: "sqrt(N)" },
          { at: "y", value: chance, label: "chance" },
        ],
      },
    ],
  };
}
