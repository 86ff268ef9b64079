import { createRequire } from "node:module";
import { compareReports, comparisonMarkdown, type Report } from "@attnkit/core/conformance";
import { Ajv } from "ajv";
import { readJson, writeOutput } from "../files.ts";
import { EXIT, type Io, UsageError } from "../io.ts";

/** The file that `attnkit conform --json` writes. */
interface ReportFile {
  readonly format: "attnkit-conform/1";
  readonly reports: readonly Report[];
}

/** Compares two report files, prints the differences, and resolves with exit code 1 if a case newly fails. */
export async function compareFiles(io: Io, files: readonly string[], to: string | undefined): Promise<number> {
  const [before, after, ...more] = files;
  if (before === undefined || after === undefined || more.length > 0)
    throw new UsageError("--compare", `got ${files.length} files, expected 2: the old report, then the new one`);
  const comparison = compareReports(await reportsIn(io, before), await reportsIn(io, after));
  if (comparison.common === 0)
    throw new UsageError("--compare", `${before} and ${after} have no case in common; expected reports of one backend`);
  const text = comparisonMarkdown(comparison);
  io.out(text);
  if (to !== undefined) await writeOutput(io, to, text);
  return comparison.newlyFailing.length > 0 ? EXIT.failed : EXIT.ok;
}

/** The reports in a file: one that `runConformance` returned, or those that `attnkit conform --json` wrote. */
async function reportsIn(io: Io, path: string): Promise<readonly Report[]> {
  const content = await readJson(io, path);
  const schema = createRequire(import.meta.url)("@attnkit/core/conformance/report.schema.json");
  const ajv = new Ajv({ allErrors: false });
  const file = isRecord(content) && content.format === "attnkit-conform/1" ? "file" : "report";
  const valid = ajv.compile({ ...schema, oneOf: undefined, $ref: `#/definitions/${file}` });
  if (!valid(content)) {
    const { instancePath = "", message = "" } = valid.errors?.[0] ?? {};
    throw new UsageError(
      path,
      `is no conformance report (${instancePath || "top level"} ${message}); expected a file of attnkit conform --json`,
    );
  }
  return file === "file" ? (content as ReportFile).reports : [content as Report];
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null;
