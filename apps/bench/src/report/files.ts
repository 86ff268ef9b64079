import type { Results } from "@attnkit/measure/results";
import { writeOutput } from "../files.ts";
import type { Io } from "../io.ts";
import { resultsCsv } from "./csv.ts";
import { html } from "./html.ts";

/** Writes the results as JSON, completely or not at all. The HTML page is written beside them. */
export async function writeResults(io: Io, path: string, results: Results): Promise<void> {
  results.finished = new Date().toISOString();
  await writeOutput(io, path, `${JSON.stringify(results, null, 1)}\n`);
}

/** Writes the times and ratios as CSV beside the results, and returns the path. */
export async function writeCsv(io: Io, path: string, results: Results): Promise<string> {
  const table = path.replace(/(\.json)?$/i, ".csv");
  await writeOutput(io, table, resultsCsv([{ machine: results.environment.cpu, results }]));
  return table;
}

export async function writePage(io: Io, path: string, results: Results): Promise<string> {
  const page = path.replace(/(\.json)?$/i, ".html");
  await writeOutput(io, page, html(results));
  return page;
}
