/** Claims as Markdown. The report of a run and docs/papers.md are made of these parts. */
import type { Assessment, Chosen } from "@attnkit/papers/run";
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

/** How a document refers to figures and names the program. */
export interface Placing {
  /** The folder of the figures, relative to the document. */
  readonly figures: string;
  /** The words before `attnkit` in a command. */
  readonly program: string;
}

/** One row per claim: its name, which links to its section, and its verdict. */
export const verdictTable = (assessments: readonly Assessment[]): string =>
  table({
    head: ["claim", "paper", "verdict"],
    rows: assessments.map((a) => [`[${nameOf(a)}](#${anchorOf(a)})`, `arXiv:${a.claim.paper.arxiv}`, rulingOf(a)]),
  });

/** The section of a claim. `seeds` are those of the run, before the claim's own minimum. */
export function claimSection(a: Assessment, seeds: readonly number[], { figures, program }: Placing): string {
  const { claim } = a;
  return [
    `### <a id="${anchorOf(a)}"></a>${nameOf(a)}`,
    `> ${plain(claim.sentence)}\n>\n> [${plain(sourceOf(a))}](${paperUrl(a)})`,
    a.verdict
      ? `**Verdict: ${a.verdict.ruling}.** ${plain(a.verdict.measured)}`
      : `**Verdict: withheld.** ${plain(rulingOf(a))}`,
    `Rule: ${plain(claim.rule)}`,
    `Set-up: ${setUpOf(a)}${claim.deviations.length ? " It deviates from the paper:" : " No deviation from the paper is known."}`,
    ...(claim.deviations.length ? [claim.deviations.map((line) => `- ${plain(line)}`).join("\n")] : []),
    ...a.figures.map(
      (figure) => `![${plain(figure.caption)}](${figures}/${figureFile(a, figure)})\n\n*${plain(figure.caption)}*`,
    ),
    ...(a.failures.length ? [failures(a)] : []),
    ...(a.rows.length
      ? [`<details><summary>Table</summary>\n\n${table(meansOf(a))}\n${TABLE_NOTE}\n\n</details>`]
      : []),
    `\`\`\`sh\n${program}${commandOf(a, seeds)}\n\`\`\``,
  ].join("\n\n");
}

/** A line of a list for a claim without a measurement, under the anchor of its later section. */
export const unmeasuredClaim = (of: Chosen): string =>
  `- <a id="${anchorOf(of)}"></a>${nameOf(of)}: ${plain(of.claim.sentence)}`;

export const anchorOf = (of: Chosen): string => nameOf(of).replace("/", "-");

const failures = ({ failures: all }: Assessment): string =>
  `Cells that failed:\n\n${all.map((f) => `- ${plain(failureOf(f))}`).join("\n")}`;

/** A Markdown table. Columns of numbers are aligned right. */
export function table({ head, rows }: Words): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => plain(cell).replaceAll("|", "\\|")).join(" | ")} |\n`;
  const rule = head.map((_, i) => (rows.every((row) => /^-?\d|^$/.test(row[i]!)) ? "---:" : "---"));
  return [line(head), `| ${rule.join(" | ")} |\n`, ...rows.map(line)].join("");
}

/** A text that stays what it is in Markdown, where its authors use `<` and `*` as signs of mathematics. */
const plain = (text: string): string => text.replace(/\s*\n\s*/g, " ").replace(/[<*]/g, (c) => `\\${c}`);
