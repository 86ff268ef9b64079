import { join } from "node:path";
import { Results, SCHEMA } from "@attnkit/measure/results";
import type { Command } from "commander";
import { makeFolder, readJson, writeOutput } from "../files.ts";
import { EXIT, type Io, UsageError } from "../io.ts";

export function reportCommand(program: Command, io: Io, exit: (code: number) => void): void {
  program
    .command("report")
    .description("join the results of several machines into one report; times of different machines are not compared")
    .argument("<file...>", "results that attnkit bench wrote, one JSON file per run")
    .option("--out <dir>", "folder to write report.md and report.csv to; default: print the report only")
    .action(async (files: string[], flags: { readonly out?: string }) => {
      const runs: Results[] = [];
      for (const file of files) runs.push(await resultsIn(io, file));
      const [{ joined, named }, { resultsCsv }] = [
        await import("../report/joined.ts"),
        await import("../report/csv.ts"),
      ];
      const machines = named(runs);
      const text = joined(machines);
      if (flags.out !== undefined) {
        await makeFolder(io, flags.out);
        await writeOutput(io, join(flags.out, "report.md"), `${text}\n`);
        await writeOutput(io, join(flags.out, "report.csv"), resultsCsv(machines));
      }
      io.out(`${text}\n`);
      exit(EXIT.ok);
    });
}

/** Reads the results of a run. Throws `UsageError` if the file holds something else. */
async function resultsIn(io: Io, file: string): Promise<Results> {
  const parsed = Results.safeParse(await readJson(io, file));
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new UsageError(
    file,
    `is not a results file of schema ${SCHEMA} (${path.join(".") || "top level"}: ${message})`,
  );
}
