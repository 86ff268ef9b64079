import { writeOutput } from "../files.ts";
import type { Io } from "../io.ts";
import type { Results } from "../results.ts";
import { html } from "./html.ts";

/** Writes the results as JSON, completely or not at all. The HTML page is written beside them. */
export async function writeResults(io: Io, path: string, results: Results): Promise<void> {
  results.finished = new Date().toISOString();
  await writeOutput(io, path, `${JSON.stringify(results, null, 1)}\n`);
}

export async function writePage(io: Io, path: string, results: Results): Promise<string> {
  const page = path.replace(/(\.json)?$/i, ".html");
  await writeOutput(io, page, html(results));
  return page;
}
