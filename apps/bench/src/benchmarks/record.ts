/** The committed records of the bench, from which docs/benchmarks.md is made. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { mechanisms } from "@attnkit/catalog";
import { type BenchOptions, Results, SCHEMA } from "@attnkit/measure/results";
import { cpuRun } from "../commands/record-runs.ts";

/** A record that docs/benchmarks.md shows: the run that it holds, and how it is made. */
export interface Recorded {
  /** The name of the file, without extension, and the word after `--record`. */
  readonly name: string;
  /** The heading of its section. */
  readonly title: string;
  readonly options: BenchOptions;
}

/** The folder of the records, from the root of the repository. */
export const RECORDS = "apps/bench/record/benchmarks";

export const RECORDED: readonly Recorded[] = [
  { name: "cpu", title: "Every mechanism on the backends of a processor", options: cpuRun(false) },
];

/** Returns the command that writes a record, without the program. */
export const commandOf = ({ name }: Recorded): string => `bench --record ${name} --out ${RECORDS}`;

/**
 * Reads the record of a run from a folder: its results, or the sentence that says why the page can't show them.
 * Undefined if there is none.
 */
export function readRecord(folder: string, of: Recorded): Results | { refused: string } | undefined {
  const path = join(folder, `${of.name}.json`);
  if (!existsSync(path)) return undefined;
  const raw: unknown = JSON.parse(readFileSync(path, "utf8"));
  const schema = typeof raw === "object" && raw !== null && "schema" in raw ? String(raw.schema) : "unknown";
  if (schema !== SCHEMA) return { refused: `its results have the format ${schema}, and ${SCHEMA} is expected` };
  const parsed = Results.safeParse(raw);
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0]!;
    return { refused: `its results are not of the format ${SCHEMA} (${at.join(".") || "top level"}: ${message})` };
  }
  const refused = whyNot(parsed.data, of);
  return refused === undefined ? parsed.data : { refused };
}

function whyNot({ complete, environment, options, cells }: Results, of: Recorded): string | undefined {
  if (!complete) return "its run was interrupted";
  const wrong = cells.filter((c) => c.status === "failed").map((c) => c.id);
  if (wrong.length > 0) return `the answers of ${wrong.join(", ")} are wrong`;
  if (environment.commit === null || environment.commit.endsWith("+changes"))
    return `it was measured on ${environment.commit ?? "no commit"}, and a commit without changes is expected`;
  if (!isDeepStrictEqual(options, of.options)) return "it was measured with other options than those of its command";
  const missing = mechanisms.filter((m) => !cells.some((c) => c.baseline === null && c.mechanism === m.name));
  if (missing.length > 0) return `it lacks ${missing.map((m) => m.name).join(", ")}`;
  return undefined;
}
