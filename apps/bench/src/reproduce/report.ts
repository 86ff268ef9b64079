/** The report of a run as Markdown, and the facts that every report states. */
import * as f from "@attnkit/measure/format";
import type { Experiment } from "@attnkit/papers";
import type { Assessment } from "@attnkit/papers/run";
import { claimSection, verdictTable } from "./markdown.ts";
import type { Run } from "./run.ts";

/** Machine, software, seeds and time of a run, by name. */
export function factsOf({ environment: e, settings, started, finished }: Omit<Run, "assessments">): [string, string][] {
  return [
    ["machine", `${e.cpu}, ${e.cores} cores, ${f.bytes(e.memory)}, ${e.platform} ${e.arch}`],
    ["software", `Node ${e.node}, commit ${e.commit ?? "unknown"}`],
    ["size and seeds", `${settings.size} size, seeds ${settings.seeds.join(", ")} unless a claim needs more`],
    ["run", `${started} to ${finished}`],
  ];
}

export function byExperiment(assessments: readonly Assessment[]): [Experiment, Assessment[]][] {
  const found = new Map<Experiment, Assessment[]>();
  for (const a of assessments) found.set(a.experiment, [...(found.get(a.experiment) ?? []), a]);
  return [...found];
}

export function markdown(run: Run): string {
  const placing = { figures: "figures", program: "" };
  return `${[
    "# attnkit reproduce",
    factsOf(run)
      .map(([name, value]) => `- ${name}: ${value}`)
      .join("\n"),
    "To take away: [table.csv](table.csv), [results.json](results.json), [report.html](report.html).",
    verdictTable(run.assessments).trimEnd(),
    ...byExperiment(run.assessments).flatMap(([experiment, own]) => [
      `## ${experiment.name}`,
      experiment.summary,
      ...own.map((a) => claimSection(a, run.settings.seeds, placing)),
    ]),
  ].join("\n\n")}\n`;
}
