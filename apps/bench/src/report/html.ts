import { RULE } from "@attnkit/measure/bootstrap";
import { swatch, escapeXml as text } from "@attnkit/measure/figure";
import * as f from "@attnkit/measure/format";
import type { Results } from "@attnkit/measure/results";
import { warnings } from "./compare.ts";
import { headline } from "./headline.ts";
import { download } from "./html-table.ts";
import { MEMORY, threadsOf } from "./memory.ts";
import * as tables from "./page-tables.ts";
import { looksOf, type Multiples, multiples } from "./plots.ts";
import { seriesOf } from "./series.ts";
import { STYLE } from "./style.ts";

/** The notes at the end of the page, to which sections refer by name. */
const NOTES = {
  intervals:
    "Marks and bars are medians with their 95 % intervals (bootstrap). Rank: 1 plus the number of cells with as many tokens " +
    `whose whole interval lies below this one's. ${RULE}. Plots show such a number as a hollow mark.`,
  axes: "All plots of a quantity have the same logarithmic axes. Dashed lines are baselines: code that a user of tfjs or ONNX Runtime would run instead.",
  work: "Floating-point operations are counted on the mechanism's portable program.",
  growth:
    "Least-squares exponents of the lower quartiles of the times, with their standard errors and the sizes they were fitted over.",
  ratios:
    "Median time of the cell divided by the median time of each column, with the 95 % interval over pairs of samples of one round. Below 1, the cell is faster.",
  memory: MEMORY,
} as const;

type Note = keyof typeof NOTES;

/**
 * Returns the report as one HTML page. It loads no script, font, image or other address; its links save plots and tables
 * that the page itself contains.
 */
export function html(results: Results): string {
  const cells = results.cells.filter((c) => c.status === "ok");
  const styleOf = looksOf(cells);
  const named = (id: string): string => {
    const cell = cells.find((c) => c.id === id);
    if (!cell) return text(id);
    return `<span class="cell">${swatch(styleOf(seriesOf(cell)), { dashed: cell.baseline !== null })}${text(id)}</span>`;
  };
  const legend = ({ series }: Multiples) =>
    `<ul class="legend">${series.map(({ name, dashed }) => `<li class="cell">${swatch(styleOf(name), { dashed })}${text(name)}</li>`).join("")}</ul>`;
  const drawn = multiples(cells, styleOf);
  const plotsOf = (name: Multiples["name"]): string => {
    const found = drawn.find((one) => one.name === name);
    if (!found) return "";
    const figures = found.plots.map(
      ({ backend, inline, file }) =>
        `<figure>${inline}<figcaption class="take">${download(`${name}-${backend}.svg`, "image/svg+xml", file, "SVG of this plot")}</figcaption></figure>`,
    );
    const about = name === "prefill" || name === "decode" ? refer("axes", "intervals") : refer("axes");
    return `<p class="note">${text(found.caption)}${about}</p>\n${legend(found)}\n<div class="plots">${figures.join("\n")}</div>\n`;
  };
  const section = (title: string, ...parts: readonly string[]): string =>
    parts.some((part) => part !== "") ? `<section>\n<h2>${title}</h2>\n${parts.join("\n")}\n</section>` : "";
  const noted = (table: string, words: string, ...notes: readonly Note[]): string =>
    table === "" ? "" : `<p class="note">${words}${refer(...notes)}</p>\n${table}`;
  const sections = [
    section(
      "Prefill time",
      plotsOf("prefill"),
      noted(tables.prefillTable(cells, named), "Every length.", "work", "memory"),
    ),
    section(
      "Decode time, per token",
      plotsOf("decode"),
      noted(tables.decodeTable(cells, named), "Every context.", "work"),
    ),
    section("State", plotsOf("state")),
    section(
      "Peak memory",
      plotsOf("memory") && `${plotsOf("memory")}<p class="note">Numbers: table of prefill times.${refer("memory")}</p>`,
    ),
    section(
      "Growth",
      cells.length ? noted(tables.growthTable(cells, named), "Exponents of time and memory.", "growth", "memory") : "",
    ),
    section("Ratios", noted(tables.ratiosTable(results, named), "Each cell beside the others.", "ratios", "intervals")),
    section(
      "Throughput",
      noted(
        tables.throughputTable(results, named),
        "Operations that a causal prefill needs, divided by its median time, and as a share of a plain matrix product. The product has the same number of operations, on the same backend in the same run.",
      ),
    ),
    section(
      "GPU",
      noted(
        tables.gpuTable(results, named),
        "Compute dispatches of one call, and the peak bytes of live GPU buffers: its inputs and the buffers that it added. tfjs's pool of freed buffers was empty before.",
      ),
    ),
    section(
      "Answers",
      '<p class="note">Every timed output was compared with the float64 reference in this run. A cell with a wrong answer is not timed.</p>',
      tables.answersTable(results.cells),
      ...results.unavailable.map((u) => `<p>${text(u.backend)} is not available here: ${text(u.reason)}</p>`),
    ),
    section(
      "Left out",
      noted(
        tables.leftOutTable(results),
        `Measurements that did not fit into the time budget of ${results.options.budget} s or into the limits of this machine. Times were predicted from pilot timings.`,
      ),
    ),
  ].filter((part) => part !== "");
  return page(results, `${sections.join("\n")}\n${notesOf(sections.join(""))}`);
}

function page(results: Results, body: string): string {
  const facts = factsOf(results).map(([name, value]) => `<dt>${name}</dt><dd>${text(value)}</dd>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>attnkit bench ${text(results.started)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>attnkit bench</h1>
${warnings(results)
  .map((line) => `<p><strong>${text(line)}</strong></p>`)
  .join("")}
<ul class="headline">${headline(results)
    .map((line) => `<li>${text(line)}</li>`)
    .join("\n")}</ul>
<dl>${facts.join("")}</dl>
${body}
</main>
</body>
</html>
`;
}

function factsOf(results: Results): [string, string][] {
  const { environment: e, options: o, input, started, finished, complete } = results;
  const [B, Hq, , d] = input.shapes.q!;
  const commit = `commit ${e.commit?.slice(0, 12) ?? "unknown"}${e.commit?.endsWith("+changes") ? " with changes" : ""}`;
  return [
    ["machine", `${e.cpu}, ${e.cores} cores, ${f.bytes(e.memory)}, ${e.platform} ${e.arch}`],
    ["software", `Node ${e.node}, V8 ${e.v8}, ${commit}`],
    ...threadsOf(results).map((line): [string, string] => ["threads", line]),
    [
      "input",
      `${input.source}: causal, B ${B}, ${Hq} query and ${input.shapes.k![1]} key heads, ${d} channels, seed ${o.seed}`,
    ],
    ["run", `${started} to ${finished}${complete ? "" : ", interrupted: the results are incomplete"}`],
  ];
}

const numbers = new Map(Object.keys(NOTES).map((name, i) => [name, i + 1]));

const refer = (...notes: readonly Note[]): string =>
  notes
    .map((note) => ` <a href="#note-${note}" aria-label="note ${numbers.get(note)}">[${numbers.get(note)}]</a>`)
    .join("");

/** The notes to which the sections refer, each once, with the numbers by which they are called. */
function notesOf(sections: string): string {
  const used = Object.entries(NOTES).filter(([name]) => sections.includes(`href="#note-${name}"`));
  const items = used.map(([name, words]) => `<li id="note-${name}" value="${numbers.get(name)}">${text(words)}</li>`);
  return items.length ? `<section>\n<h2>Notes</h2>\n<ol class="notes">${items.join("\n")}</ol>\n</section>` : "";
}
