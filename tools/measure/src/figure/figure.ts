/** A figure as data, which {@link draw} turns into SVG. */

export interface Axis {
  /** With its unit: `"time per token (µs)"`. */
  readonly label: string;
  readonly scale: "linear" | "log";
  /** The unit of the values, which the ticks then show with a prefix: seconds (`"20 µs"`) or bytes (`"4 KiB"`). */
  readonly unit?: "s" | "B";
  /** Further values that the axis contains: those of another panel give both the same range and ticks. */
  readonly includes?: readonly number[];
}

export interface Point {
  readonly x: number;
  /** Mean over seeds. */
  readonly y: number;
  /** 95 % interval over seeds, or the quartiles where the axis says so; absent if there is one value. */
  readonly low?: number;
  readonly high?: number;
  /** Shown while the pointer rests on the point. */
  readonly title?: string;
  /** True for a value that is too uncertain to be read: its mark is drawn hollow. */
  readonly uncertain?: boolean;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** A bound or a prediction rather than a measurement: drawn dashed, without marks. */
  readonly theory?: boolean;
  /** True for a measurement that the others are compared with: drawn dashed, with marks. */
  readonly dashed?: boolean;
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
