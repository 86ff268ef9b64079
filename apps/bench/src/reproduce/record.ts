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
import { nameOf } from "./wording.ts";

/** The folder of the committed records, beside `src` and `dist`. */
export const RECORDS: string = fileURLToPath(new URL("../../record/papers/", import.meta.url));

/**
 * The first seed of a run. The settings of some experiments were chosen in pilot runs with seeds below 20, so that a
 * measurement starts with seeds that nothing was chosen by.
 */
export const FIRST_SEED = 101;

/** The settings that a record needs. */
export const RECORDED = {
  size: "default",
  seeds: [FIRST_SEED, FIRST_SEED + 1, FIRST_SEED + 2],
} as const satisfies Omit<RunSettings, "claims">;

/** Reads the record of an experiment; undefined if there is none. Throws an Error if it is of another format. */
export function readRecord(folder: string, experiment: string): PapersRecord | undefined {
  const path = join(folder, `${experiment}.json`);
  return existsSync(path) ? PapersRecord.parse(JSON.parse(readFileSync(path, "utf8"))) : undefined;
}

/**
 * Judges a record by the present code. There is no verdict where its cells, its rule or its ruling have changed since it
 * was measured: a rule must stand before its measurement.
 */
export const assessRecord = (experiment: Experiment, record: PapersRecord): Assessment[] =>
  experiment.claims.map((claim) => {
    const assessed = assess({ experiment, claim }, record.outcomes, record.settings);
    const withheld = assessed.withheld ?? whyChanged(assessed, record);
    return withheld === null ? assessed : { ...assessed, verdict: null, withheld };
  });

function whyChanged(assessed: Assessment, { settings, rulings }: PapersRecord): string | null {
  const name = nameOf(assessed);
  if (settings.claims[name] !== assessed.claim.rule) return "the rule has changed since the measurement";
  const [then, now] = [rulings[name], assessed.verdict?.ruling];
  return then === now ? null : `the record says ${then} and the present rule says ${now}`;
}

/** Writes one record per experiment, all or none of them. Throws `UsageError`. */
export async function writeRecords(io: Io, folder: string, run: Run, outcomes: readonly Outcome[]): Promise<string[]> {
  const { started, finished, environment } = run;
  const names = [...new Set(run.assessments.map(({ experiment }) => experiment.name))];
  const files = names.map((experiment): [string, string] => {
    const own = outcomes.filter((outcome) => outcome.experiment === experiment);
    const assessed = run.assessments.filter((a) => a.experiment.name === experiment);
    const claims = Object.fromEntries(assessed.map((a) => [nameOf(a), a.claim.rule]));
    const record: PapersRecord = {
      ...{ format: RECORD, experiment, started, finished },
      settings: { ...run.settings, claims },
      environment,
      rulings: Object.fromEntries(assessed.flatMap((a) => (a.verdict ? [[nameOf(a), a.verdict.ruling]] : []))),
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
