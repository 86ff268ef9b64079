import { escapeXml as text } from "@attnkit/measure/figure";
import type { Assessment } from "@attnkit/papers/run";
import { pageOf } from "../report/page.ts";
import { anchorOf } from "./markdown.ts";
import { STYLE } from "./page-style.ts";
import { byExperiment, factsOf } from "./report.ts";
import type { Run } from "./run.ts";
import {
  commandOf,
  failureOf,
  figureFile,
  meansOf,
  nameOf,
  paperUrl,
  rulingOf,
  setUpOf,
  sourceOf,
  TABLE_NOTE,
  type Words,
} from "./wording.ts";

/** Returns the report as one page that loads nothing. `figures` holds the SVG of each figure by its file name. */
export function html(run: Run, figures: ReadonlyMap<string, string>): string {
  const { assessments } = run;
  const facts = factsOf(run).map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`);
  const sections = byExperiment(assessments).map(
    ([experiment, own]) =>
      `<h2>${text(experiment.name)}</h2>\n<p>${text(experiment.summary)}</p>\n${own.map((a) => claim(run, a, figures)).join("\n")}`,
  );
  return pageOf(
    `attnkit reproduce ${text(run.started)}`,
    STYLE,
    `<h1>attnkit reproduce</h1>
<dl>${facts.join("")}</dl>
<p>To take away: <a href="table.csv">table.csv</a>, <a href="results.json">results.json</a>, <a href="report.md">report.md</a>${figures.size ? ", and an SVG file of each figure" : ""}.</p>
<div class="verdicts">${table({ head: ["claim", "paper", "verdict"], rows: assessments.map(verdictRow) })}</div>
${sections.join("\n")}`,
  );
}

const verdictRow = (a: Assessment): string[] => [
  `<a href="#${anchorOf(a)}">${text(nameOf(a))}</a>`,
  `arXiv:${text(a.claim.paper.arxiv)}`,
  ruling(a),
];

const kinds = {
  supported: "supported",
  "not supported": "not-supported",
  "not decidable at this size": "open",
} as const;

const ruling = (a: Assessment): string =>
  `<strong class="${a.verdict ? kinds[a.verdict.ruling] : "not-supported"}">${text(rulingOf(a))}</strong>`;

function claim(run: Run, a: Assessment, figures: ReadonlyMap<string, string>): string {
  const { deviations, rule, sentence } = a.claim;
  const drawn = a.figures.map((figure) => {
    const file = figureFile(a, figure);
    return `<figure><div class="scroll">${figures.get(file) ?? ""}</div><figcaption>${text(figure.caption)} <a href="figures/${file}">SVG</a></figcaption></figure>`;
  });
  const failed = a.failures.map((f) => `<li>${text(failureOf(f))}</li>`);
  return `<section id="${anchorOf(a)}">
<h3>${text(nameOf(a))}</h3>
<blockquote><p>${text(sentence)}</p><p class="source"><a href="${text(paperUrl(a))}">${text(sourceOf(a))}</a></p></blockquote>
<p>Verdict: ${ruling(a)}. ${text(a.verdict?.measured ?? "")}</p>
<p>Rule: ${text(rule)}</p>
<p>Set-up: ${text(setUpOf(a))} ${deviations.length ? "It deviates from the paper:" : "No deviation from the paper is known."}</p>
${deviations.length ? `<ul>${deviations.map((line) => `<li>${text(line)}</li>`).join("")}</ul>` : ""}
${drawn.join("\n")}
${failed.length ? `<p>Cells that failed:</p><ul>${failed.join("")}</ul>` : ""}
${a.rows.length ? `${table(escaped(meansOf(a)))}<p class="note">${TABLE_NOTE}</p>` : ""}
<pre>${text(commandOf(a, run.settings.seeds))}</pre>
</section>`;
}

const escaped = ({ head, rows }: Words): Words => ({ head: head.map(text), rows: rows.map((row) => row.map(text)) });

/** A table of HTML cells. Columns of numbers are aligned right, columns of words left. */
function table({ head, rows }: Words): string {
  const words = head.map((_, i) => rows.some((row) => !/^-?\d|^$/.test(row[i]!)));
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell, i) => `<${tag}${words[i] ? ' class="text"' : ""}>${cell}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll" tabindex="0"><table><thead>${line(head, "th")}</thead><tbody>${rows.map((row) => line(row, "td")).join("\n")}</tbody></table></div>`;
}
