import * as f from "@attnkit/measure/format";
import type { CellResult } from "@attnkit/measure/results";
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

interface Point {
  readonly cell: string;
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
  readonly title: string;
}

/** The number of colours that the page's style defines, from `--c0` on. Further cells repeat them with dashes. */
export const COLOURS = 10;

/** Plots prefill time against length, both logarithmic. Bars span the quartiles. */
export const prefillPlot = (cells: readonly CellResult[]): string =>
  chart(
    cells,
    cells.flatMap((c) =>
      c.prefill.map((p) => point(c, p.length, p, `${p.length} tokens: ${f.time(p.median)}, IQR ${f.spread(p)}`)),
    ),
    { x: "tokens", y: "one prefill", ticks: decades, format: tick(f.time) },
  );

export const decodePlot = (cells: readonly CellResult[]): string =>
  chart(
    cells,
    cells.flatMap((c) =>
      c.decode.map((p) => point(c, p.context, p, `after ${p.context} tokens: ${f.time(p.median)}, IQR ${f.spread(p)}`)),
    ),
    { x: "tokens of context", y: "one decoded token", ticks: decades, format: tick(f.time) },
  );

export const statePlot = (cells: readonly CellResult[]): string =>
  chart(
    cells,
    cells.flatMap((c) =>
      c.decode.map((p) =>
        point(
          c,
          p.context,
          { median: p.stateBytes, q1: p.stateBytes, q3: p.stateBytes },
          `after ${p.context} tokens: ${f.bytes(p.stateBytes)}`,
        ),
      ),
    ),
    { x: "tokens of context", y: "state", ticks: doublings, format: tick(f.bytes) },
  );

/** Plots peak memory against length, for cells with more than one length: a single point has no slope. */
export const memoryPlot = (cells: readonly CellResult[]): string =>
  chart(
    cells,
    cells.flatMap((c) => {
      const seen = c.memory.filter((m) => m.resolved);
      const all = seen.length > 1 ? seen : [];
      return all.map(({ length, growth: median }) =>
        point(c, length, { median, q1: median, q3: median }, `${length} tokens: ${f.bytes(median)}`),
      );
    }),
    { x: "tokens", y: "peak memory", ticks: doublings, format: tick(f.bytes) },
  );

/** Removes the trailing zeros that three digits of a measurement would show. */
const tick =
  (format: (n: number) => string) =>
  (n: number): string =>
    format(n).replace(/\.0+ /, " ");

const point = (c: CellResult, x: number, y: { median: number; q1: number; q3: number }, title: string): Point => ({
  cell: c.id,
  x,
  y: y.median,
  low: y.q1,
  high: y.q3,
  title: `${c.id}\n${title}`,
});

/** Returns the colour and dash of a cell. They are the same in every plot and in the legend. */
export function styleOf(cells: readonly CellResult[], id: string): { colour: string; dash: string } {
  const i = Math.max(
    0,
    cells.findIndex((c) => c.id === id),
  );
  return { colour: `var(--c${i % COLOURS})`, dash: ["none", "6 3", "2 3"][Math.floor(i / COLOURS) % 3]! };
}

interface Axes {
  readonly x: string;
  readonly y: string;
  /** Returns the values that the vertical axis may label, within a range. */
  ticks(low: number, high: number): number[];
  format(n: number): string;
}

function chart(cells: readonly CellResult[], points: readonly Point[], axes: Axes): string {
  if (points.length === 0) return "";
  const { document } = parseHTML("<html><body></body></html>");
  // Logarithms on linear scales: a logarithmic scale of Plot omits some of the labels it is given.
  const log = (p: Point) => ({
    ...p,
    x: Math.log2(p.x),
    y: Math.log2(p.y),
    low: Math.log2(p.low),
    high: Math.log2(p.high),
  });
  const sizes = [...new Set(points.map((p) => p.x))].sort((a, b) => a - b);
  const values = points.flatMap((p) => [p.low, p.high]);
  const [low, high] = [Math.min(...values) / 1.3, Math.max(...values) * 1.3];
  const marks = cells.flatMap(({ id }) => {
    const own = points
      .filter((p) => p.cell === id)
      .sort((a, b) => a.x - b.x)
      .map(log);
    const { colour: stroke, dash } = styleOf(cells, id);
    return [
      Plot.ruleX(own, { x: "x", y1: "low", y2: "high", stroke, strokeWidth: 4, strokeOpacity: 0.35 }),
      Plot.line(own, { x: "x", y: "y", stroke, strokeWidth: 2, strokeDasharray: dash }),
      Plot.dot(own, { x: "x", y: "y", fill: stroke, r: 3.5, title: "title" }),
    ];
  });
  const svg = Plot.plot({
    document: document as unknown as NonNullable<Plot.PlotOptions["document"]>,
    width: 720,
    height: 420,
    marginLeft: 68,
    marginBottom: 44,
    marginRight: 24,
    style: { background: "none", fontSize: "13px" },
    x: {
      domain: [Math.log2(sizes[0]!) - 0.2, Math.log2(sizes.at(-1)!) + 0.2],
      ticks: sizes.map(Math.log2),
      tickFormat: (n: number) => String(Math.round(2 ** n)),
      label: axes.x,
      grid: true,
    },
    y: {
      domain: [Math.log2(low), Math.log2(high)],
      ticks: axes.ticks(low, high).map(Math.log2),
      tickFormat: (n: number) => axes.format(2 ** n),
      label: axes.y,
      grid: true,
    },
    marks,
  });
  return svg.outerHTML;
}

/** Returns powers of ten, with steps between them if the range is short. */
function decades(low: number, high: number): number[] {
  const steps = high / low > 1000 ? [1] : high / low > 20 ? [1, 3] : [1, 1.5, 2, 3, 5, 7];
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const all = Array.from({ length: to - from + 1 }, (_, i) => steps.map((s) => s * 10 ** (from + i))).flat();
  return all.filter((x) => x >= low && x <= high);
}

/** Returns powers of two at equal distances, about eight of them. */
function doublings(low: number, high: number): number[] {
  const [from, to] = [Math.ceil(Math.log2(low)), Math.floor(Math.log2(high))];
  const step = Math.max(1, Math.ceil((to - from) / 8));
  return Array.from({ length: Math.max(0, Math.floor((to - from) / step) + 1) }, (_, i) => 2 ** (from + i * step));
}
