import type { Params, Size } from "../experiment.ts";
import type { Axis, Figure, Panel, Series } from "../figure.ts";
import type { Table } from "../table.ts";
import { pointOf, proportion } from "./proportion.ts";
import { expectedSuccess } from "./separation.ts";

/** The setting that every sweep leaves in one number: c and b = 1 - c, and a1 at the lower bound of D1. */
export const BASE = { n: 240, d: 62, m: 16, c: 0.8, a1: 0.7 };

type Varied = "n" | "d" | "m" | "c";

/** The values of one number while the others stay at `BASE`. Each list contains the value of `BASE`. */
function valuesOf(size: Size, longest: number): Readonly<Record<Varied, readonly number[]>> {
  const full = size === "full";
  return {
    n: doublings(60, full ? 4 * longest : longest),
    d: full ? [4, 6, 8, 10, 14, 22, 32, 42, 62, 82, 122] : [4, 6, 10, 22, 62],
    m: full ? [1, 2, 4, 8, 16, 32, 64, 128] : [1, 4, 16, 64],
    c: full ? [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] : [0.1, 0.3, 0.5, 0.8, 0.9],
  };
}

const doublings = (from: number, to: number): number[] => (from > to ? [] : [from, ...doublings(2 * from, to)]);

/** The cells of the four sweeps, each setting once. `longest` is the largest n of the default size. */
export function sweepCells(size: Size, longest: number): readonly Params[] {
  const all = Object.entries(valuesOf(size, longest)).flatMap(([name, values]) =>
    values.map((value) => ({ ...BASE, [name]: value })),
  );
  return [...new Map(all.map((params) => [JSON.stringify(params), params])).values()];
}

/** The rows in which all but one number are those of `BASE`, by the values of that number in rising order. */
export function sweepOf(table: Table, varied: Varied): readonly { readonly value: number; readonly at: Table }[] {
  const { [varied]: _, ...fixed } = BASE;
  const sweep = table.where(fixed);
  return sweep
    .distinct<number>(varied)
    .toSorted((a, b) => a - b)
    .map((value) => ({ value, at: sweep.where({ [varied]: value }) }));
}

const LABELS: Readonly<Record<Varied, Axis>> = {
  n: { label: "tokens n", scale: "log" },
  d: { label: "channels d", scale: "log" },
  m: { label: "sign vectors m", scale: "log" },
  c: { label: "share c of the common channel, b = 1 - c", scale: "linear" },
};

/** One panel per sweep: the success of softmax and of linear units, and false alarms on D0 where they explain a fall. */
export function sweepFigure(name: string, caption: string, table: Table): Figure {
  return { name, caption, panels: (["n", "d", "m", "c"] as const).map((varied) => panel(table, varied)) };
}

function panel(table: Table, varied: Varied): Panel {
  const sweep = sweepOf(table, varied);
  const series = (label: string, column: string): Series => ({
    name: label,
    points: sweep.map(({ value, at }) => pointOf(value, proportion(at, column))),
  });
  const theory: Series = {
    name: "1 - (3/4)^m",
    theory: true,
    points: sweep.map(({ value }) => ({ x: value, y: expectedSuccess(varied === "m" ? value : BASE.m) })),
  };
  return {
    x: LABELS[varied],
    y: { label: "share of networks", scale: "linear" },
    series: [
      series("softmax tells D1 from D0", "softmax"),
      series("linear tells D1 from D0", "linear"),
      series("softmax fires on D0", "softmaxOnD0"),
      theory,
    ],
  };
}
