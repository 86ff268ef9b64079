import { RULE } from "@attnkit/measure/bootstrap";
import { escapeXml as text } from "@attnkit/measure/figure";
import { MEMORY } from "./memory.ts";

/** The notes at the end of the page, to which sections refer by name. */
const NOTES = {
  axes: "All plots of a quantity have the same logarithmic axes. Dashed lines are baselines: code that a user of tfjs or ONNX Runtime would run instead.",
  intervals:
    "Marks and bars are medians with their 95 % intervals (bootstrap). Rank: 1 plus the number of cells with as many tokens " +
    `whose whole interval lies below this one's. ${RULE}. Plots show such a number as a hollow mark.`,
  work: "Floating-point operations are counted on the mechanism's portable program.",
  growth:
    "Least-squares exponents of the lower quartiles of the times, with their standard errors and the sizes they were fitted over.",
  ratios:
    "Median time of the cell divided by the median time of each column, with the 95 % interval over pairs of samples of one round. Below 1, the cell is faster.",
  memory: MEMORY,
} as const;

export type Note = keyof typeof NOTES;

const numbers = new Map(Object.keys(NOTES).map((name, i) => [name, i + 1]));

/** Writes references to notes as links. */
export const refer = (...notes: readonly Note[]): string =>
  notes
    .map((note) => ` <a href="#note-${note}" aria-label="note ${numbers.get(note)}">[${numbers.get(note)}]</a>`)
    .join("");

/** The notes to which the sections refer, each once, with the numbers by which they are called. */
export function notesOf(sections: string): string {
  const used = Object.entries(NOTES).filter(([name]) => sections.includes(`href="#note-${name}"`));
  const items = used.map(([name, words]) => `<li id="note-${name}" value="${numbers.get(name)}">${text(words)}</li>`);
  return items.length ? `<section>\n<h2>Notes</h2>\n<ol class="notes">${items.join("\n")}</ol>\n</section>` : "";
}
