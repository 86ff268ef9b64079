import type { Spread, Table } from "../table.ts";
import { plusMinus } from "./curves.ts";

/** The exponent's interval over seeds, widened by two standard errors of the fit. */
export function exponentOf(table: Table, mechanism: string): Pick<Spread, "low" | "high"> & { readonly text: string } {
  const rows = table.where({ mechanism });
  const over = rows.spread("exponent");
  const fit = 2 * rows.spread("standard error").mean;
  return {
    low: over.low - fit,
    high: over.high + fit,
    text: `${plusMinus(over, 3)} (fit ± ${(fit / 2).toFixed(3)})`,
  };
}
