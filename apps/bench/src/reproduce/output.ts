import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { draw, stylesOf } from "@attnkit/measure/figure";
import type { Assessment } from "@attnkit/papers/run";
import { writeTogether } from "../files.ts";
import { type Io, messageOf } from "../io.ts";
import { csv } from "./csv.ts";
import { html } from "./html.ts";
import { markdown } from "./report.ts";
import { toJson } from "./results.ts";
import type { Run } from "./run.ts";
import { figureFile } from "./wording.ts";

/** The format of `results.json`. */
export const RESULTS = "attnkit-reproduce/1";

/** The SVG of every figure by its file name, and the claims, without the verdict of one whose figures can't be drawn. */
export interface Illustrated {
  readonly assessments: readonly Assessment[];
  readonly figures: ReadonlyMap<string, string>;
}

/** Draws all figures. A series has the same look in all of them. */
export function illustrate(assessments: readonly Assessment[]): Illustrated {
  const styleOf = stylesOf(assessments.flatMap((a) => a.figures));
  const figures = new Map<string, string>();
  const drawn = assessments.map((a) => {
    try {
      for (const figure of a.figures) {
        const file = figureFile(a, figure);
        if (figures.has(file)) throw new Error(`two figures have the name ${figure.name}`);
        figures.set(file, draw(figure, styleOf));
      }
      return a;
    } catch (error) {
      const withheld = `the figures could not be drawn: ${messageOf(error)}`;
      return { ...a, figures: [], verdict: null, withheld: a.withheld ?? withheld };
    }
  });
  return { assessments: drawn, figures };
}

/** Writes table, results, figures and reports into the folder, all or none of them. Throws `UsageError`. */
export async function writeRun(io: Io, folder: string, run: Run, figures: Illustrated["figures"]): Promise<void> {
  const files = new Map([
    ["table.csv", csv(run.assessments)],
    ["results.json", `${toJson(resultsOf(run), 1)}\n`],
    ["report.md", markdown(run)],
    ["report.html", html(run, figures)],
    ...[...figures].map(([name, svg]) => [`figures/${name}`, `${svg}\n`] as const),
  ]);
  const before = await readdir(resolve(io.cwd, folder, "figures")).catch(() => []);
  const stale = before.map((name) => `figures/${name}`).filter((name) => name.endsWith(".svg") && !files.has(name));
  await writeTogether(io, folder, files, stale);
}

const resultsOf = ({ assessments, ...run }: Run) => ({
  format: RESULTS,
  ...run,
  claims: assessments.map(({ experiment, claim, ...measured }) => ({
    ...{ experiment: experiment.name, claim: claim.name, sentence: claim.sentence, paper: claim.paper },
    ...{ where: claim.where, rule: claim.rule, deviations: claim.deviations },
    ...measured,
  })),
});
