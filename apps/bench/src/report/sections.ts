import { swatch, escapeXml as text } from "@attnkit/measure/figure";
import type { Results } from "@attnkit/measure/results";
import * as compared from "./compared-tables.ts";
import { download } from "./html-table.ts";
import { type Note, refer } from "./notes.ts";
import * as tables from "./page-tables.ts";
import { looksOf, type Multiples, multiples } from "./plots.ts";
import { seriesOf } from "./series.ts";

/** Returns the sections of the page with plots and tables, as HTML. Sections without content are left out. */
export function sectionsOf(results: Results): string {
  const cells = results.cells.filter((c) => c.status === "ok");
  const styleOf = looksOf(cells);
  const named = (id: string): string => {
    const cell = cells.find((c) => c.id === id);
    if (!cell) return text(id);
    return `<span class="cell">${swatch(styleOf(seriesOf(cell)), { dashed: cell.baseline !== null })}${text(id)}</span>`;
  };
  const drawn = multiples(cells, styleOf);
  const plots = (name: string, ...notes: readonly Note[]): string => {
    const found = drawn.find((one) => one.name === name);
    return found ? plotsOf(found, styleOf, notes) : "";
  };
  return [
    section(
      "Prefill time",
      plots("prefill", "axes", "intervals"),
      noted(tables.prefillTable(cells, named), "Every length.", "work", "memory"),
    ),
    section(
      "Decode time, per token",
      plots("decode", "axes", "intervals"),
      noted(tables.decodeTable(cells, named), "Every context.", "work"),
    ),
    section("State", plots("state", "axes")),
    section("Peak memory", noted(plots("memory", "axes"), "The numbers are in the table of prefill times.", "memory")),
    section("Growth", noted(tables.growthTable(cells, named), "Exponents of time and memory.", "growth", "memory")),
    section(
      "Ratios",
      noted(compared.ratiosTables(results, named), "Each cell beside the others.", "ratios", "intervals"),
    ),
    section("Throughput", noted(compared.throughputTable(results, named), THROUGHPUT)),
    section("GPU", noted(compared.gpuTable(results, named), GPU)),
    section(
      "Answers",
      noted(tables.answersTable(results.cells), ANSWERS),
      ...results.unavailable.map((u) => `<p>${text(u.backend)} is not available here: ${text(u.reason)}</p>`),
    ),
    section("Left out", noted(tables.leftOutTable(results), leftOut(results.options.budget))),
  ].join("");
}

const THROUGHPUT =
  "Operations that a causal prefill needs, divided by its median time, and as a share of a plain matrix product. The " +
  "product has the same number of operations, on the same backend in the same run.";

const GPU =
  "Compute dispatches of one call, and the peak bytes of live GPU buffers: its inputs and the buffers that it added. " +
  "tfjs's pool of freed buffers was empty before.";

const ANSWERS =
  "Every timed output was compared with the float64 reference in this run. A cell with a wrong answer is not timed.";

const leftOut = (budget: number): string =>
  `Measurements that did not fit into the time budget of ${budget} s or into the limits of this machine. Times were ` +
  "predicted from pilot timings.";

function section(title: string, ...parts: readonly string[]): string {
  const content = parts.filter((part) => part !== "").join("\n");
  return content === "" ? "" : `<section>\n<h2>${title}</h2>\n${content}\n</section>\n`;
}

/** Writes a sentence above a table or plots. */
const noted = (content: string, words: string, ...notes: readonly Note[]): string =>
  content === "" ? "" : `<p class="note">${words}${refer(...notes)}</p>\n${content}`;

/** The plots of one quantity side by side, below one legend. */
function plotsOf(
  { name, caption, series, plots }: Multiples,
  styleOf: ReturnType<typeof looksOf>,
  notes: readonly Note[],
): string {
  const legend = series.map(
    (one) => `<li class="cell">${swatch(styleOf(one.name), { dashed: one.dashed })}${text(one.name)}</li>`,
  );
  const figures = plots.map(({ backend, inline, file }) => {
    const link = download(`${name}-${backend}.svg`, "image/svg+xml", file, "SVG of this plot");
    return `<figure>${inline}<figcaption class="take">${link}</figcaption></figure>`;
  });
  return noted(
    `<ul class="legend">${legend.join("")}</ul>\n<div class="plots">${figures.join("\n")}</div>`,
    text(caption),
    ...notes,
  );
}
