import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Panel, Series } from "./figure.ts";
import { type GuideLine, guideLine } from "./guides.ts";
import { type Scale, scaleOf } from "./scale.ts";
import type { SeriesStyle } from "./style.ts";
import { escapeXml, FONT, LINE, textLines, widthOf, wrap } from "./text.ts";

/** A drawn panel. Its origin is its left upper corner. */
export interface Drawn {
  readonly svg: string;
  readonly height: number;
  /** The number of points that an axis can't show: not finite, or not positive on a logarithmic axis. */
  readonly hidden: number;
}

interface Mark {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
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
      ...drawn.flatMap(({ series, marks, style }) => seriesMarks(series, marks, style)),
    ],
  });
  const place = (px: number, py: number): [number, number] => [
    left + ((px - x.domain[0]) / (x.domain[1] - x.domain[0])) * (width - left - RIGHT),
    top + PLOT - ((py - y.domain[0]) / (y.domain[1] - y.domain[0])) * PLOT,
  ];
  const words = [
    textLines(title, 0, LINE - 3, { name: "head" }),
    textLines(yLabel, 0, title.length * LINE + (title.length ? 6 : 0) + LINE - 3),
    textLines(xLabel, (left + width - RIGHT) / 2, top + PLOT + LINE + 24, { anchor: "middle" }),
    ...guides.map((line) => guideWords(line, place, left, width - RIGHT, top)),
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
  }));
  return { marks: marks.sort((a, b) => a.x - b.x), hidden: points.length - shown.length };
}

function seriesMarks({ theory }: Series, marks: readonly Mark[], { colour, symbol }: SeriesStyle): Plot.Markish[] {
  const line = Plot.line(marks, {
    ...{ x: "x", y: "y", stroke: colour, strokeWidth: theory ? 1.6 : 2 },
    ...(theory ? { strokeDasharray: "7 4" } : {}),
  });
  if (theory) return [line];
  const bars = marks.filter(({ low, high }) => high > low);
  return [
    Plot.ruleX(bars, { x: "x", y1: "low", y2: "high", stroke: colour, strokeWidth: 1.6 }),
    line,
    Plot.dot(marks, { x: "x", y: "y", fill: colour, stroke: "var(--page)", strokeWidth: 1, r: 4.2, symbol }),
  ];
}

/** The word of a guide stands beside its line, inside the plot. */
function guideWords(
  { label, kind, from, to }: GuideLine,
  place: (x: number, y: number) => [number, number],
  left: number,
  right: number,
  top: number,
): string {
  const width = widthOf(label);
  const text = (x: number, y: number) =>
    `<text class="guide" x="${Math.round(Math.min(Math.max(x, left + 4), right - width - 2))}" y="${Math.round(y)}">${escapeXml(label)}</text>`;
  if (kind === "y") return text(right, place(...from)[1] - 5);
  if (kind === "x") {
    const [x] = place(...to);
    return text(x + 6 + width > right ? x - width - 6 : x + 6, top + 14);
  }
  const [x, y] = place(...(from[1] > to[1] ? from : to));
  return text(x - width - 8, y + 14);
}

/** Two decimals are far below a pixel, and hide the last bit in which machines differ. Texts keep their digits. */
const rounded = (svg: string): string =>
  svg.replace(/<[^>]*>/g, (tag) =>
    tag.replace(/-?\d+\.\d{3,}(e-?\d+)?/g, (number) => String(Number(Number(number).toFixed(2)))),
  );
