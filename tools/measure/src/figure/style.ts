import type { Figure } from "./figure.ts";

/** The look of a series. */
export interface SeriesStyle {
  /** A CSS colour, which {@link COLOURS} defines for light and dark. */
  readonly colour: string;
  readonly symbol: "circle" | "square" | "triangle" | "diamond2" | "star" | "cross" | "wye";
}

const SYMBOLS: readonly SeriesStyle["symbol"][] = ["circle", "square", "triangle", "diamond2", "star", "wye", "cross"];
const COUNT = 8;
/** Mechanisms keep their colours over all experiments. */
const FIXED = ["softmax", "linear", "polynomial", "logsumexp", "elementwise"];

/**
 * Returns the look of each series by its name, the same in all of these figures. Series of one figure have different
 * colours as long as there are at most eight.
 */
export function stylesOf(figures: readonly Figure[]): (name: string) => SeriesStyle {
  const drawn = figures.map(({ panels }) => new Set(panels.flatMap(({ series }) => series.map(({ name }) => name))));
  const names = new Set(drawn.flatMap((figure) => [...figure]));
  const colours = new Map(FIXED.flatMap((name, i) => (names.has(name) ? [[name, i] as const] : [])));
  const count = (among: Iterable<string>, colour: number) =>
    [...among].filter((name) => colours.get(name) === colour).length;
  const styles = new Map<string, SeriesStyle>();
  for (const name of [...colours.keys(), ...names]) {
    if (styles.has(name)) continue;
    const beside = new Set(drawn.flatMap((figure) => (figure.has(name) ? [...figure] : [])));
    const free = Array.from({ length: COUNT }, (_, colour) => colour).sort(
      (a, b) => count(beside, a) - count(beside, b) || count(names, a) - count(names, b) || a - b,
    );
    const colour = colours.get(name) ?? free[0]!;
    const symbol = SYMBOLS[[...styles.values()].filter((s) => s.colour === cssColour(colour)).length % SYMBOLS.length]!;
    colours.set(name, colour);
    styles.set(name, { colour: cssColour(colour), symbol });
  }
  return (name) => {
    const style = styles.get(name);
    if (!style) throw new Error(`stylesOf: no figure has a series ${JSON.stringify(name)}`);
    return style;
  };
}

const cssColour = (index: number): string => `var(--s${index})`;

/**
 * The style sheet of a figure, for a file of its own and for a page that contains it. The colours are those of Okabe and
 * Ito (2008), darker or lighter so that each has a contrast of at least 3:1 to its page.
 */
export const SHEET: string = `
.attnkit-figure {
  --page: #ffffff; --ink: #1c1e21; --soft: #545d69; --grid: #e3e7ec;
  --s0: #0072b2; --s1: #d55e00; --s2: #00865f; --s3: #b0468f; --s4: #8f6a00; --s5: #7a4fbf; --s6: #2b86c5; --s7: #5b6470;
  font: 12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  .attnkit-figure {
    --page: #14171b; --ink: #e6e9ed; --soft: #a3adb9; --grid: #2d333b;
    --s0: #56b4e9; --s1: #ff8f4a; --s2: #2fd3a0; --s3: #e58fc8; --s4: #e8c547; --s5: #b79cf0; --s6: #a5d8ff; --s7: #aab4c0;
  }
}
.attnkit-figure text { fill: var(--soft); stroke: none; font-size: 12px; }
.attnkit-figure .head { fill: var(--ink); font-weight: 600; }
.attnkit-figure .name { fill: var(--ink); }
.attnkit-figure .guide { paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; font-style: italic; }
`.replace(/\s*\n\s*/g, " ");
