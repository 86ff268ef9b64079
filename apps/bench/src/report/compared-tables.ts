import { escapeXml } from "@attnkit/measure/figure";
import type { Results } from "@attnkit/measure/results";
import { gpuRows, type Rows, ratioRows, throughputRows } from "./compare.ts";
import { csv } from "./csv.ts";
import { type Swatch, table } from "./html-table.ts";
import { backendsOf } from "./series.ts";

/** The tables of ratios to baselines and to softmax, one per backend. Their CSV has a line per ratio. */
export function ratiosTables(results: Results, swatch: Swatch): string {
  const head = ["cell", "of", "tokens", "against", "rounds", "ratio", "low", "high", "readable"];
  const byBackend = backendsOf(results.cells).map((backend) => {
    const here = new Set(results.cells.filter((c) => c.backend === backend).map((c) => c.id));
    const ratios = results.ratios.filter((r) => here.has(r.cell));
    const lines = ratios.map(({ cell, what, size, against, rounds, ratio }) => [
      ...[cell, what, size, against, rounds],
      ...[ratio?.value, ratio?.low, ratio?.high, ratio?.readable],
    ]);
    const shown = plain(`ratios-${backend}`, ratioRows({ ...results, ratios }), swatch, csv(head, lines));
    return shown && `<h3>${escapeXml(backend)}</h3>\n${shown}`;
  });
  return byBackend.filter((shown) => shown !== "").join("\n");
}

export const throughputTable = (results: Results, swatch: Swatch): string =>
  plain("throughput", throughputRows(results), swatch);

export const gpuTable = (results: Results, swatch: Swatch): string => plain("gpu", gpuRows(results), swatch);

/** A table of texts, whose first column names a cell. */
const plain = (name: string, { head, rows }: Rows, swatch: Swatch, file?: string): string =>
  rows.length === 0
    ? ""
    : table<readonly string[]>(
        name,
        head.map((title, i) => ({
          ...{ head: title, text: (row) => row[i] ?? "" },
          ...(i === 0 && { html: (row: readonly string[]) => swatch(row[0] ?? "") }),
        })),
        rows,
        file,
      );
