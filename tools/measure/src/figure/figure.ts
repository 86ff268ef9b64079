/** A figure as data, which {@link draw} turns into SVG. */

export interface Axis {
  /** With its unit: `"time per token (µs)"`. */
  readonly label: string;
  readonly scale: "linear" | "log";
}

export interface Point {
  readonly x: number;
  /** Mean over seeds. */
  readonly y: number;
  /** 95 % interval over seeds, or the quartiles where the axis says so; absent if there is one value. */
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** A bound or a prediction rather than a measurement: drawn dashed, without marks. */
  readonly theory?: boolean;
}

/** A straight guide across the plot with a word beside it. */
export type Guide =
  | { readonly at: "x" | "y"; readonly value: number; readonly label: string }
  /** On logarithmic axes: a line of this slope through the middle of the plot. */
  | { readonly slope: number; readonly label: string };

/** One plot of a figure; panels stand side by side and share their colours. */
export interface Panel {
  readonly title?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly guides?: readonly Guide[];
}

export interface Figure {
  /** The file name without extension, unique in its experiment. */
  readonly name: string;
  /** A sentence that says what is to be seen. */
  readonly caption: string;
  readonly panels: readonly Panel[];
}
