/** The results of one backend as Markdown tables: one row per method, one column per number of tokens. */
import * as f from "@attnkit/measure/format";
import type { CellResult, Interval, Results } from "@attnkit/measure/results";
import { NOISY } from "../report/compare.ts";
import { memoryFit, memoryOf } from "../report/memory.ts";
import { seriesOf } from "../report/series.ts";
import type { Words } from "../reproduce/wording.ts";

/** A quantity of a backend. A table without rows has nothing to show. */
export interface Quantity {
  /** The name of the figure of the same quantity. */
  readonly name: "prefill" | "decode" | "state" | "memory";
  readonly words: Words;
}

/** Returns the tables of a backend. Times have their 95 % interval, or the mark of a number that can't be read. */
export function tablesOf(results: Results, backend: string): Quantity[] {
  const cells = results.cells.filter((c) => c.backend === backend && c.status === "ok");
  const { lengths, contexts } = results.options;
  const leftOut = (c: CellResult, what: string, size: number) =>
    results.plan?.leftOut.some((l) => l.cell === c.id && l.what === what && l.size === size) ? "left out" : "";
  return [
    quantity("prefill", cells, lengths, "time ~ tokens^", (c) => [
      ...lengths.map((n) => timed(c.prefill.find((p) => p.length === n)) || leftOut(c, "prefill", n)),
      c.growth.prefill ? f.exponent(c.growth.prefill) : "too few lengths",
    ]),
    quantity("decode", cells, contexts, "time ~ context^", (c) => [
      ...contexts.map((n) => timed(c.decode.find((p) => p.context === n)) || leftOut(c, "decode", n)),
      c.growth.decode ? f.exponent(c.growth.decode) : "too few contexts",
    ]),
    quantity("state", cells, contexts, null, (c) =>
      contexts.map((n) => {
        const found = c.decode.find((p) => p.context === n);
        return found ? f.bytes(found.stateBytes) : leftOut(c, "decode", n);
      }),
    ),
    quantity("memory", cells, lengths, "memory ~ tokens^", (c) => [
      ...lengths.map((n) => memoryOf(c, n)),
      memoryFit(c),
    ]),
  ];
}

function quantity(
  name: Quantity["name"],
  all: readonly CellResult[],
  sizes: readonly number[],
  last: string | null,
  valuesOf: (cell: CellResult) => string[],
): Quantity {
  const cells = all.filter((c) => (name === "state" ? c.decode : c[name]).length > 0);
  const rows = cells.map((c) => [seriesOf(c), ...valuesOf(c)]);
  // Peak memory is measured at the longest lengths of each cell.
  const kept = sizes.map((_, i) => rows.some((row) => row[i + 1] !== ""));
  const shown = (row: readonly string[]) => row.filter((_, i) => i === 0 || i > sizes.length || kept[i - 1]);
  const head = ["", ...sizes.map((n) => `${n} tokens`), ...(last === null ? [] : [last])];
  return { name, words: { head: shown(head), rows: rows.map(shown) } };
}

const timed = (p: { median: number; interval: Interval | null } | undefined): string =>
  p === undefined
    ? ""
    : p.interval === null
      ? `${f.time(p.median)} ${NOISY}`
      : `${f.interval(f.time, p.median, p.interval)}${p.interval.readable ? "" : ` ${NOISY}`}`;
