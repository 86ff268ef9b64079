import type { Panel, Series } from "../figure.ts";
import type { Spread, Table } from "../table.ts";
import { columnAt, contextsIn } from "./contexts.ts";

/** A panel of a quantity against the context on logarithmic axes: one curve per mechanism, with its interval over seeds. */
export function againstContext(table: Table, quantity: string, label: string): Panel {
  const series = table.distinct<string>("mechanism").map((name): Series => {
    const rows = table.where({ mechanism: name });
    const points = contextsIn(rows, quantity).map((context) => {
      const { mean, low, high } = rows.spread(columnAt(quantity, context));
      // A logarithmic axis has no place for an interval that reaches 0.
      return { x: context, y: mean, ...(low > 0 && { low, high }) };
    });
    return { name, points };
  });
  return {
    x: { label: "context (tokens)", scale: "log" },
    y: { label, scale: "log" },
    series,
    guides: [{ slope: 1, label: "proportional to context" }],
  };
}

/** Formats a mean and its standard deviation over seeds. */
export const plusMinus = ({ mean, deviation }: Spread, digits: number): string =>
  `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
