import type { Figure } from "./figure.ts";
import { drawPanel } from "./panel.ts";
import { type SeriesStyle, SHEET } from "./style.ts";
import { escapeXml, FONT, LINE, textLines, widthOf, wrap } from "./text.ts";

const MARGIN = 16;
const GAP = 28;
/** The panels of a row, and the width of each, by the number of panels. */
const LAYOUT: Record<number, readonly [columns: number, width: number]> = { 1: [1, 640], 2: [2, 440], 4: [2, 440] };
const MANY = [3, 350] as const;

/**
 * Draws a figure as one SVG element that needs nothing around it: panels side by side, a legend, and its own style sheet
 * for light and dark. The same figure gives the same bytes.
 *
 * @param styleOf - The look of each series, usually `stylesOf` of all figures of a report.
 * @throws Error if there is no panel, or a guide doesn't fit its axes.
 */
export function draw(figure: Figure, styleOf: (name: string) => SeriesStyle): string {
  const { panels, caption } = figure;
  if (panels.length === 0) throw new Error(`figure ${figure.name} has no panel`);
  const [columns, panelWidth] = LAYOUT[panels.length] ?? MANY;
  const width = 2 * MARGIN + columns * panelWidth + (columns - 1) * GAP;
  const legend = legendOf(figure, width - 2 * MARGIN, styleOf);
  let y = MARGIN + legend.height;
  let body = "";
  let hidden = 0;
  for (let row = 0; row < panels.length; row += columns) {
    const drawn = panels.slice(row, row + columns).map((panel) => drawPanel(panel, panelWidth, styleOf));
    const height = Math.max(...drawn.map((panel) => panel.height));
    drawn.forEach((panel, i) => {
      // Panels of a row share their lower edge, so that their axes are level.
      const [left, top] = [MARGIN + i * (panelWidth + GAP), y + height - panel.height];
      body += `<g transform="translate(${left},${top})">${panel.svg}</g>`;
      hidden += panel.hidden;
    });
    y += height + GAP / 2;
  }
  const notes = hidden === 0 ? [] : wrap(noteOn(hidden), width - 2 * MARGIN);
  body += textLines(notes, MARGIN, y + LINE - 6);
  const height = Math.ceil(y + notes.length * LINE + (notes.length ? 4 : 0));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" class="attnkit-figure" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(caption)}"><style>${SHEET}</style>` +
    `<rect width="${width}" height="${height}" fill="var(--page)"/>${legend.svg}${body}</svg>`
  );
}

const noteOn = (hidden: number): string =>
  hidden === 1
    ? "One point is not drawn: it is not finite, or not positive on a logarithmic axis."
    : `${hidden} points are not drawn: they are not finite, or not positive on a logarithmic axis.`;

function legendOf(
  { panels }: Figure,
  width: number,
  styleOf: (name: string) => SeriesStyle,
): { svg: string; height: number } {
  const all = new Map(panels.flatMap(({ series }) => series.map((s) => [s.name, s.theory ?? false] as const)));
  const [swatch, space] = [30, 22];
  let [x, y, svg] = [0, 0, ""];
  for (const [name, theory] of all) {
    const { colour, symbol } = styleOf(name);
    const needed = swatch + widthOf(name);
    if (x > 0 && x + needed > width) [x, y] = [0, y + LINE + 4];
    const [left, middle] = [Math.round(MARGIN + x), MARGIN + y + 6];
    const dash = theory ? ' stroke-dasharray="7 4"' : "";
    svg += `<path d="M${left},${middle}h22" stroke="${colour}" stroke-width="2"${dash}/>`;
    if (!theory) svg += `<path d="${outline(symbol)}" transform="translate(${left + 11},${middle})" fill="${colour}"/>`;
    svg += `<text class="name" x="${left + swatch - 2}" y="${middle + FONT / 3}">${escapeXml(name)}</text>`;
    x += needed + space;
  }
  return { svg, height: all.size === 0 ? 0 : y + LINE + 14 };
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
