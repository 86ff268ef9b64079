import type { Figure, Point } from "../figure.ts";
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

/** Formats a positive number with 3 significant digits, without an exponent where it is large. */
export const rounded = (x: number): string => x.toLocaleString("en", { maximumSignificantDigits: 3 });

/** All activations with their accuracy, in words. */
export const accuraciesIn = (table: Table): string =>
  table
    .distinct<string>("activation")
    .map((name) => `${name} ${plusMinus(accuracyOf(table, name))}`)
    .join(", ");

/** Geometric mean, and the interval of the logarithm: norms of several seeds differ by factors. */
export function geometric(values: readonly number[]): Spread {
  const { n, mean, deviation, low, high } = spreadOf(values.map(Math.log));
  return { n, deviation, mean: Math.exp(mean), low: Math.exp(low), high: Math.exp(high) };
}

/** Accuracy against the largest norm: one point per activation, from the runs that did not diverge. */
export function accuracyAgainstNorm(table: Table, name: string, task: string): Figure {
  const points = (activation: string): Point[] => {
    const norms = largestNorms(table, activation);
    const rows = table.where({ activation }).values(ACCURACY);
    const sound = rows.flatMap((y, i) => (Number.isFinite(y) ? [{ y, norm: norms[i]! }] : []));
    if (sound.length === 0) return [];
    const { mean, low, high } = spreadOf(sound.map(({ y }) => y));
    return [{ x: geometric(sound.map(({ norm }) => norm)).mean, y: mean, low, high }];
  };
  const n = table.distinct<number>("N")[0]!;
  return {
    name,
    caption: `Accuracy on ${task} against the largest Frobenius norm of attention weights in training (geometric mean over seeds). Runs that diverged are left out.`,
    panels: [
      {
        x: { label: "largest norm of a block's weights in training", scale: "log" },
        y: { label: "accuracy on held-out examples", scale: "linear" },
        series: table
          .distinct<string>("activation")
          .map((activation) => ({ name: activation, points: points(activation) })),
        guides: [{ at: "x", value: Math.sqrt(n), label: "sqrt(N)" }],
      },
    ],
  };
}
