import type { Figure, Series } from "./figure.ts";
import type { SeriesStyle } from "./style.ts";
import { escapeXml, FONT, LINE, widthOf } from "./text.ts";

/** The dashes of a bound or a prediction, and those of a measurement that others are compared with. */
export const DASHES = { theory: "7 4", dashed: "5 3" } as const;

/** Draws the line and mark of a series, as in a legend, as an SVG element of 22 x 12 pixels for a page. */
export const swatch = (style: SeriesStyle, series: Pick<Series, "theory" | "dashed"> = {}): string =>
  `<svg class="attnkit-figure" width="22" height="12" aria-hidden="true">${keyOf(style, series, 0, 6)}</svg>`;

/** Draws the legend of a figure, `width` pixels wide, whose upper left corner is at (`margin`, `margin`). */
export function legendOf(
  { panels }: Figure,
  margin: number,
  width: number,
  styleOf: (name: string) => SeriesStyle,
): { svg: string; height: number } {
  const all = new Map(panels.flatMap(({ series }) => series.map((s) => [s.name, s] as const)));
  const [symbol, space] = [30, 22];
  let [x, y, svg] = [0, 0, ""];
  for (const [name, series] of all) {
    const needed = symbol + widthOf(name);
    if (x > 0 && x + needed > width) [x, y] = [0, y + LINE + 4];
    const [left, middle] = [Math.round(margin + x), margin + y + 6];
    svg += keyOf(styleOf(name), series, left, middle);
    svg += `<text class="name" x="${left + symbol - 2}" y="${middle + FONT / 3}">${escapeXml(name)}</text>`;
    x += needed + space;
  }
  return { svg, height: all.size === 0 ? 0 : y + LINE + 14 };
}

function keyOf(
  { colour, symbol }: SeriesStyle,
  { theory, dashed }: Pick<Series, "theory" | "dashed">,
  left: number,
  middle: number,
): string {
  const dash = theory ? DASHES.theory : dashed ? DASHES.dashed : "";
  const line = `<path d="M${left},${middle}h22" stroke="${colour}" stroke-width="2"${dash && ` stroke-dasharray="${dash}"`}/>`;
  if (theory) return line;
  return `${line}<path d="${outline(symbol)}" transform="translate(${left + 11},${middle})" fill="${colour}"/>`;
}

/** A path of a symbol of the legend, about as large as Plot's dots. */
function outline(symbol: SeriesStyle["symbol"]): string {
  const polygon = (points: readonly (readonly [number, number])[]) =>
    `M${points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join("L")}Z`;
  const star = (tips: number, outer: number, inner: number) =>
    polygon(
      Array.from({ length: 2 * tips }, (_, i) => {
        const radius = i % 2 === 0 ? outer : inner;
        return [radius * Math.sin((Math.PI * i) / tips), -radius * Math.cos((Math.PI * i) / tips)] as const;
      }),
    );
  switch (symbol) {
    case "circle":
      return "M-4.2,0a4.2,4.2 0 1,0 8.4,0a4.2,4.2 0 1,0 -8.4,0Z";
    case "square":
      return polygon([
        [-3.7, -3.7],
        [3.7, -3.7],
        [3.7, 3.7],
        [-3.7, 3.7],
      ]);
    case "triangle":
      return polygon([
        [0, -5.6],
        [4.9, 2.8],
        [-4.9, 2.8],
      ]);
    case "diamond2":
      return polygon([
        [0, -5.2],
        [5.2, 0],
        [0, 5.2],
        [-5.2, 0],
      ]);
    case "star":
      return star(5, 6.4, 2.5);
    case "wye":
      return star(3, 5.8, 2);
    case "cross":
      return "M-1.7,-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z";
  }
}
