/** docs/benchmarks.md and its figures, from the committed records of the bench. */
import { join } from "node:path";
import { commandOf, RECORDED, RECORDS, type Recorded, readRecord } from "../../../apps/bench/src/benchmarks/record.ts";
import { tablesOf } from "../../../apps/bench/src/benchmarks/tables.ts";
import { ratioRows } from "../../../apps/bench/src/report/compare.ts";
import { headline } from "../../../apps/bench/src/report/headline.ts";
import { MEMORY, threadsOf } from "../../../apps/bench/src/report/memory.ts";
import { looksOf, multiples } from "../../../apps/bench/src/report/plots.ts";
import { backendsOf } from "../../../apps/bench/src/report/series.ts";
import { table } from "../../../apps/bench/src/reproduce/markdown.ts";
import { RULE } from "../../measure/src/bootstrap.ts";
import * as f from "../../measure/src/format.ts";
import type { Results } from "../../measure/src/results.ts";
import type { Derived } from "./derived.ts";

const TITLES = { prefill: "Prefill", decode: "Decode, per token", state: "State", memory: "Peak memory" };

/** The page and one SVG file per quantity and backend. A run without a record is named as not measured yet. */
export function benchmarksPage(root: string, of: readonly Recorded[] = RECORDED, records: string = RECORDS): Derived[] {
  const sections = of.map((run) => sectionOf(root, run, records));
  const text = `${[
    `<!-- Written by \`pnpm derive\` from the records in ${RECORDS}. Do not edit it. -->`,
    "# Benchmarks",
    "Time, state and peak memory of every mechanism beside plain tfjs and ONNX Runtime. Every answer was checked against its " +
      `reference before it was timed. Every number on this page comes from a [record](../${RECORDS}/README.md); the command of a ` +
      "section measures all its numbers again. Times of different machines are not compared. " +
      "What the mechanisms learn and recall is on the page of the [papers](papers.md).",
    ...sections.flatMap((section) => section.text),
  ].join("\n\n")}\n`;
  return [{ path: "docs/benchmarks.md", text }, ...sections.flatMap((section) => section.figures)];
}

/** The records that the page can't show, each with the reason. They must be measured again. */
export const outdatedBenchmarks = (
  root: string,
  of: readonly Recorded[] = RECORDED,
  records: string = RECORDS,
): string[] =>
  of.flatMap((run) => {
    const found = readRecord(join(root, records), run);
    return found && "refused" in found ? [`${run.name}: ${found.refused}`] : [];
  });

interface Section {
  readonly text: readonly string[];
  readonly figures: readonly Derived[];
}

function sectionOf(root: string, run: Recorded, records: string): Section {
  const head = [`## ${run.title}`];
  const again = `\`\`\`sh\nnpx --yes pnpm@12 ${commandOf(run)}\n\`\`\``;
  const found = readRecord(join(root, records), run);
  if (found === undefined)
    return { text: [...head, "Not measured yet: there is no record of this run.", again], figures: [] };
  if ("refused" in found)
    return {
      text: [...head, `Not shown: the record has to be made again, because ${found.refused}.`, again],
      figures: [],
    };
  const { text, figures } = resultsOf(found, run.name);
  const link = `- record: [${run.name}.json](../${records}/${run.name}.json)`;
  return { text: [...head, [...factsOf(found), link].join("\n"), again, ...text], figures };
}

function factsOf(results: Results): string[] {
  const { environment: e, input, cells, options: o, started, finished } = results;
  const [B, Hq, , d] = input.shapes.q!;
  // A baseline may run on another library than the backend beside it.
  const devices = new Set(cells.map((c) => `${c.backend}: ${c.device}, ${c.dtype}`));
  return [
    `machine: ${e.cpu}, ${e.cores} cores, ${f.bytes(e.memory)}, ${e.platform} ${e.arch}`,
    `software: Node ${e.node}, V8 ${e.v8}, commit ${e.commit}, whose lock file has the version of every package`,
    ...devices,
    ...threadsOf(results),
    `input: ${input.source}; B = ${B}, ${Hq} query heads, ${input.shapes.k![1]} key heads, d = ${d} channels; causal; seed ${o.seed}`,
    `run: ${started} to ${finished}`,
  ].map((line) => `- ${line}`);
}

function resultsOf(results: Results, name: string): Section {
  const good = results.cells.filter((c) => c.status === "ok");
  const plots = multiples(good, looksOf(good)).flatMap((quantity) =>
    quantity.plots.map((plot) => ({
      ...plot,
      quantity: quantity.name,
      caption: `${quantity.title} on ${plot.backend}`,
    })),
  );
  const fileOf = (plot: (typeof plots)[number]) => `benchmarks/${name}-${plot.quantity}-${plot.backend}.svg`;
  const backends = backendsOf(good).map((backend) => {
    const quantities = tablesOf(results, backend).filter(({ words }) => words.rows.length > 0);
    const parts = quantities.flatMap((quantity) => [
      `#### ${TITLES[quantity.name]} on ${backend}`,
      ...plots
        .filter((plot) => plot.backend === backend && plot.quantity === quantity.name)
        .map((plot) => `![${plot.caption}](${fileOf(plot)})`),
      table(quantity.words).trimEnd(),
    ]);
    return [`### ${backend}`, ...parts].join("\n\n");
  });
  const text = [
    headline(results)
      .map((sentence) => `- ${sentence}`)
      .join("\n"),
    `Times are medians with their 95 % bootstrap interval. ${RULE}. The exponent is the least-squares slope of log time on log size ` +
      "over the longer sizes, with its standard error.",
    ...backends,
    MEMORY,
    ...folded("Ratios of median times, with their 95 % interval; below 1, the cell is faster", ratioRows(results)),
    ...folded("Cells that were not timed", untimed(results)),
    ...folded("Sizes that were left out", leftOut(results)),
  ];
  return { text, figures: plots.map((plot) => ({ path: `docs/${fileOf(plot)}`, text: `${plot.file}\n` })) };
}

const untimed = ({ cells, unavailable }: Results) => ({
  head: ["cell", "", "reason"],
  rows: [
    ...cells.filter((c) => c.status !== "ok").map((c) => [c.id, c.status, c.reason ?? ""]),
    ...cells
      .filter((c) => c.status === "ok" && c.prefill.length + c.decode.length === 0)
      .map((c) => [c.id, "right", "every size was left out"]),
    ...unavailable.map(({ backend, reason }) => [backend, "unavailable", reason]),
  ],
});

const leftOut = ({ plan }: Results) => ({
  head: ["cell", "of", "tokens", "reason", "would take"],
  rows: (plan?.leftOut ?? []).map((l) => [l.cell, l.what, String(l.size), l.reason, f.time(l.seconds)]),
});

const folded = (title: string, words: Parameters<typeof table>[0]): string[] =>
  words.rows.length === 0 ? [] : [`<details><summary>${title}</summary>\n\n${table(words)}\n</details>`];
