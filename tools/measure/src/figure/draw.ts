import type { Figure } from "./figure.ts";
import { legendOf } from "./legend.ts";
import { drawPanel } from "./panel.ts";
import { type SeriesStyle, SHEET } from "./style.ts";
import { escapeXml, LINE, textLines, wrap } from "./text.ts";

const MARGIN = 16;
const GAP = 28;
/** The panels of a row, and the width of each, by the number of panels. */
const LAYOUT: Record<number, readonly [columns: number, width: number]> = { 1: [1, 640], 2: [2, 440], 4: [2, 440] };
const MANY = [3, 350] as const;

/** How a figure is laid out. */
export interface Layout {
  /** The width of the area of each panel in pixels, which then stand one below the other; default by their number. */
  readonly width?: number;
  /** False where the page has a legend of its own; default true. */
  readonly legend?: boolean;
}

/**
 * Draws a figure as one SVG element that needs nothing around it: panels side by side, a legend, and its own style sheet
 * for light and dark. The same figure gives the same bytes.
 *
 * @param styleOf - The look of each series, usually `stylesOf` of all figures of a report.
 * @throws Error if there is no panel, or a guide doesn't fit its axes.
 */
export function draw(figure: Figure, styleOf: (name: string) => SeriesStyle, layout: Layout = {}): string {
  const { panels, caption } = figure;
  if (panels.length === 0) throw new Error(`figure ${figure.name} has no panel`);
  const [columns, panelWidth] = layout.width ? [1, layout.width] : (LAYOUT[panels.length] ?? MANY);
  const width = 2 * MARGIN + columns * panelWidth + (columns - 1) * GAP;
  const legend =
    layout.legend === false ? { svg: "", height: 0 } : legendOf(figure, MARGIN, width - 2 * MARGIN, styleOf);
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
