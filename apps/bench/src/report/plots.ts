import {
  type Axis,
  draw,
  type Figure,
  type Guide,
  type Panel,
  type Point,
  type SeriesStyle,
  stylesOf,
} from "@attnkit/measure/figure";
import * as f from "@attnkit/measure/format";
import type { CellResult, Interval } from "@attnkit/measure/results";
import { backendsOf, seriesOf } from "./series.ts";

/** The width of a plot's area in pixels: with its margins it fits a phone. */
const WIDTH = 326;

/** The plots of one quantity, one per backend, all with the same axes. */
export interface Multiples {
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly plots: readonly Plot[];
  /** The names of the series, in the order of the cells. */
  readonly series: readonly { readonly name: string; readonly dashed: boolean }[];
}

export interface Plot {
  readonly backend: string;
  /** For the page, which has a legend of its own. */
  readonly inline: string;
  /** For a file: with its legend. */
  readonly file: string;
}

/** A quantity over a number of tokens. */
interface Quantity {
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly x: string;
  readonly y: Axis;
  readonly guides: readonly Guide[];
  points(cell: CellResult): Point[];
}

const LINEAR: Guide = { slope: 1, label: "slope 1: linear" };
const QUADRATIC: Guide = { slope: 2, label: "slope 2: quadratic" };

const QUANTITIES: readonly Quantity[] = [
  {
    ...{ name: "prefill", title: "Prefill time", x: "tokens", guides: [LINEAR, QUADRATIC] },
    caption: "Median time of one causal prefill against its length.",
    y: { label: "time of one prefill", scale: "log", unit: "s" },
    points: (c) => timed(c).prefill.map((p) => timePoint(c, p.length, `${p.length} tokens`, p)),
  },
  {
    ...{ name: "decode", title: "Decode time", x: "tokens of context", guides: [LINEAR] },
    caption: "Median time of one decoded token against the tokens already in the state. A flat line is constant cost.",
    y: { label: "time per decoded token", scale: "log", unit: "s" },
    points: (c) => timed(c).decode.map((p) => timePoint(c, p.context, `after ${p.context} tokens`, p)),
  },
  {
    ...{ name: "state", title: "State", x: "tokens of context", guides: [LINEAR] },
    caption: "Size of the state that decoding carries from token to token. Lines of equal value take turns.",
    y: { label: "size of the state", scale: "log", unit: "B" },
    points: (c) => c.decode.map((p) => bytePoint(c, p.context, `after ${p.context} tokens`, p.stateBytes)),
  },
  {
    ...{ name: "memory", title: "Peak memory", x: "tokens", guides: [LINEAR, QUADRATIC] },
    caption:
      "Increase of the process's resident set during one prefill, against its length. Only lengths with a clearly larger " +
      "increase than a few tokens are shown.",
    y: { label: "peak memory of one prefill", scale: "log", unit: "B" },
    // A single point has no slope.
    points: ({ memory, ...c }) => {
      const seen = memory.filter((m) => m.resolved);
      return seen.length < 2 ? [] : seen.map((m) => bytePoint(c, m.length, `${m.length} tokens`, m.growth));
    },
  },
];

/** Draws every quantity that was measured. Cells with software adapters have no times. */
export function multiples(cells: readonly CellResult[], styleOf: (name: string) => SeriesStyle): Multiples[] {
  return QUANTITIES.flatMap((quantity): Multiples[] => {
    const drawn = cells
      .map((cell) => ({ cell, points: quantity.points(cell) }))
      .filter(({ points }) => points.length > 0);
    if (drawn.length === 0) return [];
    const points = drawn.flatMap((one) => one.points);
    const sizes = [...new Set(points.map((p) => p.x))];
    const x: Axis = { label: quantity.x, scale: "log", includes: sizes };
    const y = { ...quantity.y, includes: points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]) };
    const plots = backendsOf(drawn.map(({ cell }) => cell)).map((backend): Plot => {
      const panel: Panel = {
        ...{ title: backend, x, y, guides: sizes.length > 1 ? quantity.guides : [] },
        series: drawn
          .filter(({ cell }) => cell.backend === backend)
          .map(({ cell, points }) => ({ name: seriesOf(cell), points, dashed: cell.baseline !== null })),
      };
      const figure: Figure = {
        ...{ name: `${quantity.name}-${backend}`, panels: [panel] },
        caption: `${quantity.title} on ${backend}. ${quantity.caption}`,
      };
      const svg = (legend: boolean) => draw(figure, styleOf, { width: WIDTH, legend });
      return { backend, inline: svg(false), file: svg(true) };
    });
    const series = new Map(drawn.map(({ cell }) => [seriesOf(cell), cell.baseline !== null]));
    const { name, title, caption } = quantity;
    return [{ name, title, caption, plots, series: [...series].map(([key, dashed]) => ({ name: key, dashed })) }];
  });
}

/** Returns the look of each series by its name: the same in every plot and table, on every backend. */
export function looksOf(cells: readonly CellResult[]): (name: string) => SeriesStyle {
  const series = [...new Set(cells.map(seriesOf))].map((name) => ({ name, points: [] }));
  const axis: Axis = { label: "", scale: "log" };
  return stylesOf([{ name: "", caption: "", panels: [{ x: axis, y: axis, series }] }]);
}

/** The times of a cell: none on a software adapter, where they have no meaning. */
const timed = ({ adapter, prefill, decode }: CellResult): Pick<CellResult, "prefill" | "decode"> =>
  adapter?.software ? { prefill: [], decode: [] } : { prefill, decode };

function timePoint(
  cell: CellResult,
  x: number,
  at: string,
  { median, q1, q3, interval }: { median: number; q1: number; q3: number; interval: Interval | null },
): Point {
  const { low, high } = interval ?? { low: q1, high: q3 };
  const uncertain = interval !== null && !interval.readable;
  const title = `${cell.id}, ${at}: ${f.interval(f.time, median, { low, high })}${uncertain ? ", noisy" : ""}`;
  return { x, y: median, low, high, title, uncertain };
}

const bytePoint = (cell: Pick<CellResult, "id">, x: number, at: string, y: number): Point => ({
  ...{ x, y },
  title: `${cell.id}, ${at}: ${f.bytes(y)}`,
});
