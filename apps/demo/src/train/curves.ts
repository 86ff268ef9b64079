import type { Point } from "./run.ts";

/** The quantities that can be plotted over steps. */
export const quantities = ["loss", "heldOut", "tokensPerSecond", "gradientNorm", "attentionNorm"] as const;
export type Quantity = (typeof quantities)[number];

/** One model's curves: entry i belongs to step i + 1; null where nothing was measured. */
export type Curve = Readonly<Record<Quantity, (number | null)[]>>;

export const emptyCurve = (): Curve => ({
  loss: [],
  heldOut: [],
  tokensPerSecond: [],
  gradientNorm: [],
  attentionNorm: [],
});

/** Steps that are done again after a lost device replace what was there; nothing else is ever removed. */
export function put(curve: Curve, point: Point): void {
  for (const quantity of quantities) {
    const column = curve[quantity];
    while (column.length < point.step - 1) column.push(null);
    column[point.step - 1] = point[quantity] ?? null;
  }
}

/** The last value that there is. */
export const latest = (column: readonly (number | null)[]): number | null => column.findLast((x) => x !== null) ?? null;

/** Mean of the last few values, which single batches scatter around. */
export function recent(column: readonly (number | null)[], count = 20): number | null {
  const values = column.slice(-count).filter((x) => x !== null);
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : null;
}

/**
 * Columns for a plot: steps, and one column per curve, thinned to at most `most` points by means of equal stretches, so
 * that drawing costs the same however long the run.
 */
export function thinned(columns: readonly (readonly (number | null)[])[], most = 600): (number | null)[][] {
  const length = Math.max(0, ...columns.map((c) => c.length));
  const stretch = Math.max(1, Math.ceil(length / most));
  const count = Math.ceil(length / stretch);
  const steps = Array.from({ length: count }, (_, i) => Math.min(length, (i + 1) * stretch));
  return [steps, ...columns.map((c) => steps.map((_, i) => recent(c.slice(i * stretch, (i + 1) * stretch), stretch)))];
}
