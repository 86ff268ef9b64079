import type { Size } from "../experiment.ts";
import type { Table } from "../table.ts";

/** From here on, a step that reads the cache takes longer than the calls of its operations. */
export const LONG = 16_384;

const CONTEXTS: readonly number[] = [1024, 4096, LONG, 65_536, 262_144, 1_000_000];

/** One step of exact element-wise attention takes seconds beyond this. */
const SLOW = 262_144;

/** Returns the contexts that are measured for a mechanism. */
export const contextsOf = (mechanism: string, size: Size): readonly number[] =>
  mechanism === "elementwise exact" && size === "default" ? CONTEXTS.filter((n) => n <= SLOW) : CONTEXTS;

/** Columns of one quantity by context, such as `us at 1024`. */
export const columnAt = (quantity: string, context: number): string => `${quantity} at ${context}`;

/** Returns the contexts that a table has for a quantity, in ascending order. */
export function contextsIn(table: Table, quantity: string): readonly number[] {
  const start = columnAt(quantity, 0).slice(0, -1);
  const names = Object.keys(table.rows[0]?.values ?? {}).filter((name) => name.startsWith(start));
  return names.map((name) => Number(name.slice(start.length))).sort((a, b) => a - b);
}
