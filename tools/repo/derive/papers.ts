/** docs/papers.md and its figures, from the committed records and the rules of the experiments as they are now. */
import { join } from "node:path";
import { claimSection, unmeasuredClaim, verdictTable } from "../../../apps/bench/src/reproduce/markdown.ts";
import { illustrate } from "../../../apps/bench/src/reproduce/output.ts";
import { assessRecord, readRecord } from "../../../apps/bench/src/reproduce/record.ts";
import { factsOf } from "../../../apps/bench/src/reproduce/report.ts";
import { type Experiment, experiments } from "../../papers/src/index.ts";
import type { Derived } from "./derived.ts";

/** The folder of the records, from the root of the repository. */
const RECORDS = "apps/bench/record/papers";
const PROGRAM = "npx --yes pnpm@12 ";

/** The page and one SVG file per figure. An experiment without a record is named as not measured yet. */
export function papersPage(root: string, of: readonly Experiment[], records: string = RECORDS): Derived[] {
  const recorded = of.map((experiment) => ({
    experiment,
    record: readRecord(join(root, records), experiment.name),
  }));
  const { assessments, figures } = illustrate(
    recorded.flatMap(({ experiment, record }) => (record ? assessRecord(experiment, record) : [])),
  );
  const sections = recorded.map(({ experiment, record }) => {
    const head = [`## ${experiment.name}`, experiment.summary];
    const again = `\`\`\`sh\n${PROGRAM}attnkit reproduce ${experiment.name}\n\`\`\``;
    if (!record) {
      const claims = experiment.claims.map((claim) => unmeasuredClaim({ experiment, claim })).join("\n");
      return [...head, "Not measured yet: there is no record of this experiment. Its claims:", claims, again];
    }
    const facts = factsOf(record).map(([name, value]) => `- ${name}: ${value}`);
    const link = `- record: [${experiment.name}.json](../${records}/${experiment.name}.json)`;
    const own = assessments.filter((a) => a.experiment === experiment);
    const placing = { figures: "papers", program: PROGRAM };
    return [
      ...head,
      [...facts, link].join("\n"),
      again,
      ...own.map((a) => claimSection(a, record.settings.seeds, placing)),
    ];
  });
  const text = `${[
    "<!-- Written by `pnpm derive` from the records in apps/bench/record/papers. Do not edit it. -->",
    "# What the four papers claim, and what is measured here",
    "attnkit implements mechanisms of four papers. Each claim below is measured by a command, and a written rule decides " +
      "it: supported, not supported, or not decidable at this size. Settings and some bounds were chosen in runs with " +
      "other seeds than those below; where a bound was changed later, the deviations say so. Every number on this " +
      `page comes from a [record](../${RECORDS}/README.md); the command under a claim measures it again.`,
    ...(assessments.length ? [verdictTable(assessments).trimEnd()] : []),
    ...sections.flat(),
  ]
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
  const drawn = [...figures].map(([name, svg]) => ({ path: `docs/papers/${name}`, text: `${svg}\n` }));
  return [{ path: "docs/papers.md", text }, ...drawn];
}

/** The claims whose record lacks cells or can't be judged. Their experiment must be recorded again. */
export const outdated = (root: string, of: readonly Experiment[], records: string = RECORDS): string[] =>
  of.flatMap((experiment) => {
    const record = readRecord(join(root, records), experiment.name);
    const assessed = record ? illustrate(assessRecord(experiment, record)).assessments : [];
    return assessed.flatMap(({ claim, withheld }) =>
      withheld ? [`${experiment.name}/${claim.name}: ${withheld}`] : [],
    );
  });

/** The page of this repository. */
export const papers = (root: string): Derived[] => papersPage(root, experiments);
