import type { CellResult } from "@attnkit/measure/results";

/** Returns the name of a cell without its backend and dtype: cells of one method on several backends share it. */
export function seriesOf({ id, backend }: Pick<CellResult, "id" | "backend">): string {
  const end = id.lastIndexOf(` on ${backend}`);
  return end > 0 ? id.slice(0, end) : id;
}

/** Returns the backends of cells, in their order. */
export const backendsOf = (cells: readonly CellResult[]): string[] => [...new Set(cells.map((c) => c.backend))];
