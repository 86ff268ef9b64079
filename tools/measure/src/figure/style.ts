import type { Figure } from "./figure.ts";

/** The look of a series. The pair of colour and symbol is its own as long as there are at most 56 series. */
export interface SeriesStyle {
  /** A CSS colour, which {@link COLOURS} defines for light and dark. */
  readonly colour: string;
  readonly symbol: "circle" | "square" | "triangle" | "diamond2" | "star" | "cross" | "wye";
}

const SYMBOLS: readonly SeriesStyle["symbol"][] = ["circle", "square", "triangle", "diamond2", "star", "wye", "cross"];
const COUNT = 8;
/** Mechanisms keep their colours over all experiments. */
const FIXED = ["softmax", "linear", "polynomial", "logsumexp", "elementwise"];

/** Returns the look of each series by its name, the same in all of these figures. */
export function stylesOf(figures: readonly Figure[]): (name: string) => SeriesStyle {
  const names = figures.flatMap(({ panels }) => panels.flatMap(({ series }) => series.map(({ name }) => name)));
  const others = [...new Set(names)].filter((name) => !FIXED.includes(name));
  // Where no mechanism is drawn under its own name, its colour is free.
  const order = FIXED.some((name) => names.includes(name)) ? [...FIXED, ...others] : others;
  return (name) => {
    const i = order.indexOf(name);
    if (i < 0) throw new Error(`stylesOf: no figure has a series ${JSON.stringify(name)}`);
    return { colour: `var(--s${i % COUNT})`, symbol: SYMBOLS[Math.floor(i / COUNT) % SYMBOLS.length]! };
  };
}

/**
 * The style sheet of a figure, for a file of its own and for a page that contains it. The colours are those of Okabe and
 * Ito (2008), darker or lighter so that each has a contrast of at least 3:1 to its page.
 */
export const SHEET = `
.attnkit-figure {
  --page: #ffffff; --ink: #1c1e21; --soft: #545d69; --grid: #e3e7ec;
  --s0: #0072b2; --s1: #d55e00; --s2: #00865f; --s3: #b0468f; --s4: #8f6a00; --s5: #2b86c5; --s6: #7a4fbf; --s7: #5b6470;
  font: 12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  .attnkit-figure {
    --page: #14171b; --ink: #e6e9ed; --soft: #a3adb9; --grid: #2d333b;
    --s0: #56b4e9; --s1: #ff8f4a; --s2: #2fd3a0; --s3: #e58fc8; --s4: #e8c547; --s5: #a5d8ff; --s6: #b79cf0; --s7: #aab4c0;
  }
}
.attnkit-figure text { fill: var(--soft); stroke: none; font-size: 12px; }
.attnkit-figure .head { fill: var(--ink); font-weight: 600; }
.attnkit-figure .name { fill: var(--ink); }
.attnkit-figure .guide { paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; font-style: italic; }
`.replace(/\s*\n\s*/g, " ");
