import { escapeXml as text } from "@attnkit/measure/figure";
import { csv } from "./csv.ts";

/** A column of a table in the page and of its CSV. */
export interface Column<Row> {
  /** Absent for a column of the CSV alone. */
  readonly head?: string;
  /** Its name in the CSV, with the unit; default `head`. Null keeps it out of the CSV. */
  readonly csv?: string | null;
  /** The text of a cell in the page. */
  readonly text?: (row: Row) => string;
  /** The value in the CSV, in base units and with all digits; default the text. */
  readonly value?: (row: Row) => string | number | null;
  /** The cell as HTML; default the text, escaped. */
  readonly html?: (row: Row) => string;
  /** True for a cell that nobody should overlook. */
  readonly strong?: (row: Row) => boolean;
}

/**
 * Returns a table in a box of its own, in which it scrolls, and a link under it that saves it as CSV. Columns of numbers
 * are aligned right, columns of words left.
 *
 * @param name - The name of the CSV file, without extension.
 * @param file - The content of the CSV file; default that of the columns.
 */
export function table<Row>(name: string, columns: readonly Column<Row>[], rows: readonly Row[], file?: string): string {
  if (rows.length === 0) return "<p>Nothing was measured.</p>";
  const shown = columns.filter((c) => c.head !== undefined);
  const lines = rows.map((row) => shown.map((c) => c.text?.(row) ?? ""));
  const kinds = shown.map((_, i) => (lines.every((line) => !/^[<-]?\s?\d/.test(line[i]!)) ? ' class="text"' : ""));
  const head = shown.map((c, i) => `<th scope="col"${kinds[i]}>${text(c.head!)}</th>`).join("");
  const body = rows.map((row, r) => {
    const [first, ...rest] = shown.map((c, i) => {
      const cell = c.html?.(row) ?? text(lines[r]![i]!);
      return c.strong?.(row) ? `<strong>${cell}</strong>` : cell;
    });
    return `<tr><th scope="row">${first}</th>${rest.map((cell, i) => `<td${kinds[i + 1]}>${cell}</td>`).join("")}</tr>`;
  });
  return (
    `<div class="scroll" tabindex="0" role="region" aria-label="Table: ${text(name)}"><table><thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table></div>\n` +
    `<p class="take">${download(`${name}.csv`, "text/csv;charset=utf-8", file ?? csvOf(columns, rows), "CSV of this table")}</p>`
  );
}

function csvOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const kept = columns.filter((c) => c.csv !== null);
  return csv(
    kept.map((c) => c.csv ?? c.head ?? ""),
    rows.map((row) => kept.map((c) => (c.value ? c.value(row) : c.text?.(row)))),
  );
}

/** Returns a link that saves a text as a file. The page contains the file, so that no script is needed. */
export const download = (file: string, type: string, content: string, label: string): string =>
  `<a download="${text(file)}" href="data:${type};base64,${Buffer.from(content).toString("base64")}">${text(label)}</a>`;
