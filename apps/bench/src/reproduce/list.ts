import { type Chosen, jobsOf, type Outcome, type Settings } from "@attnkit/papers/run";
import { estimator, totalSeconds } from "./clock.ts";
import { duration } from "./wording.ts";

/** Returns what `attnkit reproduce --list` prints. `record` holds outcomes of the same size. */
export function listing(
  chosen: readonly Chosen[],
  settings: Settings,
  count: number,
  record: readonly Outcome[],
): string {
  const secondsOf = estimator(record);
  const estimate = (some: readonly Chosen[]) => {
    const seconds = totalSeconds(jobsOf(some, settings), count, secondsOf);
    return seconds === undefined ? "time not measured yet" : `about ${duration(seconds)}`;
  };
  const experiments = [...new Set(chosen.map(({ experiment }) => experiment))];
  return experiments
    .map((experiment) => {
      const own = chosen.filter((c) => c.experiment === experiment);
      const claims = own.map((c) => {
        const jobs = jobsOf([c], settings).length;
        const cells = c.claim.cells(settings.size).length;
        const seeds = cells === 0 ? 0 : jobs / cells;
        const alone = c.claim.alone ? ", one at a time" : "";
        return `  ${c.claim.name}: ${cells} cells, ${seeds} seeds${alone}, ${estimate([c])}\n    ${c.claim.sentence}\n    arXiv:${c.claim.paper.arxiv}, ${c.claim.where}\n`;
      });
      return `${experiment.name}: ${experiment.summary} (${estimate(own)})\n${claims.join("")}`;
    })
    .join("\n");
}
