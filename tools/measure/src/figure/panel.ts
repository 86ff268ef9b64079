import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Panel, Series } from "./figure.ts";
import { type Box, between, type Dot, placeWords } from "./guide-words.ts";
import { guideLine } from "./guides.ts";
import { DASHES } from "./legend.ts";
import { apart, type Run } from "./overlap.ts";
import { type Scale, scaleOf } from "./scale.ts";
import type { SeriesStyle } from "./style.ts";
import { FONT, LINE, textLines, widthOf, wrap } from "./text.ts";

/** A drawn panel. Its origin is its left upper corner. */
export interface Drawn {
  readonly svg: string;
  readonly height: number;
  /** The number of points that an axis can't show: not finite, or not positive on a logarithmic axis. */
  readonly hidden: number;
}

/** A point in positions of the scales. */
interface Mark {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
  readonly title: string;
  readonly uncertain: boolean;
}

/** The height of the area between the axes, in pixels. */
const PLOT = 280;
const RIGHT = 20;

/** Draws one panel, `width` pixels wide. */
export function drawPanel(panel: Panel, width: number, styleOf: (name: string) => SeriesStyle): Drawn {
  const { x, y } = scalesOf(panel, width);
  const left = 24 + Math.ceil(Math.max(...y.ticks.map(({ label }) => widthOf(label)), 0));
  const title = wrap(panel.title ?? "", width).filter((line) => line !== "");
  const yLabel = wrap(panel.y.label, width - 8);
  const xLabel = wrap(panel.x.label, width - left - RIGHT);
  const top = (title.length + yLabel.length) * LINE + (title.length ? 6 : 0) + 12;
  const bottom = LINE + 14 + xLabel.length * LINE;
  const height = top + PLOT + bottom;
  const guides = (panel.guides ?? []).map((guide) => guideLine(guide, x, y));
  const drawn = panel.series.map((series) => ({ series, ...marksOf(series, x, y), style: styleOf(series.name) }));
  const place = (px: number, py: number): [number, number] => [
    left + ((px - x.domain[0]) / (x.domain[1] - x.domain[0])) * (width - left - RIGHT),
    top + PLOT - ((py - y.domain[0]) / (y.domain[1] - y.domain[0])) * PLOT,
  ];
  // Bounds and predictions have no marks, and lie on a measurement where the claim holds: they stay as they are.
  const measured = drawn.filter(({ series }) => !series.theory);
  const placed = apart(measured.map(({ marks }) => marks.map((mark) => place(mark.x, mark.y))));
  const pixel = (x.domain[1] - x.domain[0]) / (width - left - RIGHT);
  const { document } = parseHTML("<html><body></body></html>");
  const svg = Plot.plot({
    document: document as unknown as NonNullable<Plot.PlotOptions["document"]>,
    ...{ width, height, marginLeft: left, marginRight: RIGHT, marginTop: top, marginBottom: bottom },
    style: { background: "none", color: "var(--soft)", fontSize: `${FONT}px`, overflow: "visible" },
    x: axis(x),
    y: axis(y),
    marks: [
      Plot.gridX(at(x), { stroke: "var(--grid)", strokeOpacity: 1 }),
      Plot.gridY(at(y), { stroke: "var(--grid)", strokeOpacity: 1 }),
      ...guides.map(({ from, to }) =>
        Plot.line([from, to], { stroke: "var(--soft)", strokeWidth: 1.2, strokeDasharray: "1.5 3" }),
      ),
      ...drawn.flatMap((one) => {
        const { shifts = [], runs = [] } = placed[measured.indexOf(one)] ?? {};
        const shifted = one.marks.map((mark, i) => ({ ...mark, x: mark.x + pixel * (shifts[i] ?? 0) }));
        return seriesMarks(one.series, one.marks, shifted, runs, one.style);
      }),
    ],
  });
  const area: Box = { left, right: width - RIGHT, top, bottom: top + PLOT };
  const lines = guides.map(({ from, to, ...more }) => ({ ...more, from: place(...from), to: place(...to) }));
  const dots = drawn.flatMap(({ marks, series }) => dotsOf(series, marks, place));
  const words = [
    textLines(title, 0, LINE - 3, { name: "head" }),
    textLines(yLabel, 0, title.length * LINE + (title.length ? 6 : 0) + LINE - 3),
    textLines(xLabel, (left + width - RIGHT) / 2, top + PLOT + LINE + 24, { anchor: "middle" }),
    placeWords(lines, dots, area),
  ];
  const plain = rounded(svg.outerHTML)
    .replace(/<style>[\s\S]*?<\/style>/, "")
    .replace(/ class="plot[^"]*"/, "");
  return { svg: plain + words.join(""), height, hidden: drawn.reduce((sum, { hidden }) => sum + hidden, 0) };
}

function scalesOf({ x, y, series, guides = [] }: Panel, width: number): { x: Scale; y: Scale } {
  const points = series.flatMap((s) => s.points);
  const values = (at: "x" | "y") => guides.flatMap((g) => ("at" in g && g.at === at ? [g.value] : []));
  return {
    x: scaleOf(x, [...points.map((p) => p.x), ...values("x")], Math.floor(width / 62)),
    y: scaleOf(y, [...points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]), ...values("y")], 8),
  };
}

const at = ({ ticks }: Scale): number[] => ticks.map((tick) => tick.at);

const axis = (scale: Scale): Plot.ScaleOptions => ({
  domain: scale.domain as [number, number],
  ticks: at(scale),
  tickFormat: (n: number) => scale.ticks.find((tick) => tick.at === n)?.label ?? "",
  label: null,
});

function marksOf({ points }: Series, x: Scale, y: Scale): { marks: Mark[]; hidden: number } {
  const shown = points.filter((p) => x.shows(p.x) && y.shows(p.y));
  const end = (value: number | undefined, whole: number, limit: number) =>
    value === undefined ? y.at(whole) : y.shows(value) ? y.at(value) : limit;
  const marks = shown.map((p) => ({
    ...{ x: x.at(p.x), y: y.at(p.y) },
    // An interval that reaches below the positive numbers ends at the edge of a logarithmic plot.
    low: end(p.low, p.y, y.domain[0]),
    high: end(p.high, p.y, y.domain[1]),
    ...{ title: p.title ?? "", uncertain: p.uncertain ?? false },
  }));
  return { marks: marks.sort((a, b) => a.x - b.x), hidden: points.length - shown.length };
}

function seriesMarks(
  { theory, dashed }: Series,
  marks: readonly Mark[],
  shifted: readonly Mark[],
  runs: readonly Run[],
  { colour, symbol }: SeriesStyle,
): Plot.Markish[] {
  const usual = theory ? DASHES.theory : dashed ? DASHES.dashed : undefined;
  const line = (part: readonly Mark[], dash: { readonly array: string; readonly offset: number } | undefined) =>
    Plot.line(part, {
      ...{ x: "x", y: "y", stroke: colour, strokeWidth: theory ? 1.6 : 2 },
      ...(dash
        ? { strokeDasharray: dash.array, strokeDashoffset: dash.offset }
        : usual
          ? { strokeDasharray: usual }
          : {}),
    });
  if (theory) return [line(marks, undefined)];
  const bars = shifted.filter(({ low, high }) => high > low);
  const dots = (part: readonly Mark[], look: Plot.DotOptions) =>
    part.length === 0 ? [] : [Plot.dot(part, { ...{ x: "x", y: "y", r: 4.2, symbol }, ...titled(part), ...look })];
  return [
    Plot.ruleX(bars, { x: "x", y1: "low", y2: "high", stroke: colour, strokeWidth: 1.6 }),
    ...(runs.length === 0 ? [line(marks, undefined)] : []),
    ...runs.map(({ from, to, dash }) => line(marks.slice(from, to + 1), dash)),
    ...dots(
      shifted.filter((mark) => !mark.uncertain),
      { fill: colour, stroke: "var(--page)", strokeWidth: 1 },
    ),
    ...dots(
      shifted.filter((mark) => mark.uncertain),
      { fill: "var(--page)", stroke: colour, strokeWidth: 1.6 },
    ),
  ];
}

const titled = (marks: readonly Mark[]): Plot.DotOptions =>
  marks.some(({ title }) => title !== "") ? { title: "title" } : {};

/** The points that words should not cover: marks, bars, and the lines between them every few pixels. */
function dotsOf({ theory }: Series, marks: readonly Mark[], place: (x: number, y: number) => [number, number]): Dot[] {
  const dots = marks.map((mark): Dot => ({ at: place(mark.x, mark.y), radius: theory ? 1 : 5 }));
  const bars = marks.flatMap((m) => between(place(m.x, m.low), place(m.x, m.high)));
  const lines = marks.slice(1).flatMap((m, i) => between(place(marks[i]!.x, marks[i]!.y), place(m.x, m.y)));
  return [...dots, ...[...bars, ...lines].map((at) => ({ at, radius: 1 }))];
}

/** Two decimals are far below a pixel, and hide the last bit in which machines differ. Texts keep their digits. */
const rounded = (svg: string): string =>
  svg.replace(/<[^>]*>/g, (tag) =>
    tag.replace(/-?\d+\.\d{3,}(e-?\d+)?/g, (number) => String(Number(Number(number).toFixed(2)))),
  );
