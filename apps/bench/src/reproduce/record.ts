import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Experiment } from "@attnkit/papers";
import { type Assessment, assess, type Outcome } from "@attnkit/papers/run";
import { writeTogether } from "../files.ts";
import type { Io } from "../io.ts";
import { PapersRecord, RECORD, type RunSettings, toJson } from "./results.ts";
import type { Run } from "./run.ts";

/** The folder of the committed records, beside `src` and `dist`. */
export const RECORDS: string = fileURLToPath(new URL("../../record/papers/", import.meta.url));

/** The settings that a record needs. */
export const RECORDED = { size: "default", seeds: [1, 2, 3] } as const satisfies Omit<RunSettings, "claims">;

/** Reads the record of an experiment; undefined if there is none. Throws an Error if it is of another format. */
export function readRecord(folder: string, experiment: string): PapersRecord | undefined {
  const path = join(folder, `${experiment}.json`);
  return existsSync(path) ? PapersRecord.parse(JSON.parse(readFileSync(path, "utf8"))) : undefined;
}

/** Applies the present rules to a record. A claim whose cells have changed since has no verdict. */
export const assessRecord = (experiment: Experiment, { outcomes, settings }: PapersRecord): Assessment[] =>
  experiment.claims.map((claim) => assess({ experiment, claim }, outcomes, settings));

/** Writes one record per experiment, all or none of them. Throws `UsageError`. */
export async function writeRecords(io: Io, folder: string, run: Run, outcomes: readonly Outcome[]): Promise<string[]> {
  const { started, finished, environment } = run;
  const names = [...new Set(run.assessments.map(({ experiment }) => experiment.name))];
  const files = names.map((experiment): [string, string] => {
    const own = outcomes.filter((outcome) => outcome.experiment === experiment);
    const claims = run.settings.claims.filter((name) => name.startsWith(`${experiment}/`));
    const record: PapersRecord = {
      ...{ format: RECORD, experiment, started, finished },
      settings: { ...run.settings, claims },
      environment,
      outcomes: own.map((outcome) => ({ ...outcome, seconds: Number(outcome.seconds.toPrecision(3)) })),
    };
    return [`${experiment}.json`, lines(record)];
  });
  await mkdir(folder, { recursive: true });
  await writeTogether(io, folder, new Map(files));
  return files.map(([name]) => join(folder, name));
}

/** JSON with one outcome per line, so that a difference of two records reads well. */
function lines({ outcomes, ...head }: PapersRecord): string {
  const text = toJson(head, 1).replace(/\n}$/, "");
  return `${text},\n "outcomes": [\n${outcomes.map((outcome) => `  ${toJson(outcome)}`).join(",\n")}\n ]\n}\n`;
}
