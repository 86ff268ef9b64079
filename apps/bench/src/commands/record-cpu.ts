import { join } from "node:path";
import { makeFolder } from "../files.ts";
import { EXIT, type Io } from "../io.ts";
import { inputOf, open, start } from "../measure/run.ts";
import { measure } from "../measure/session.ts";
import { writeResults } from "../report/files.ts";
import { progress } from "../report/progress.ts";
import { tables } from "../report/table.ts";
import { cpuRun } from "./record-runs.ts";

/**
 * Runs the default benchmark and writes `DIR/cpu.json`, from which docs/benchmarks.md is made. An interrupted run and
 * one with a wrong answer write nothing, so that the record before them stays. Resolves with the exit code.
 */
export async function recordCpu(io: Io, flags: { smoke: boolean; out: string }): Promise<number> {
  const options = cpuRun(flags.smoke);
  await makeFolder(io, flags.out);
  const input = await inputOf(io, options, { lengths: true, contexts: true });
  const { subjects, ...opened } = await open(options, input);
  const results = await start(options, input, { subjects, ...opened });
  const shown = progress(io);
  try {
    await measure({ results, subjects, progress: shown, signal: io.signal, save: async () => {} });
  } finally {
    shown.stop();
  }
  io.out(`${tables(results)}\n\n`);
  const failed = results.cells.some((c) => c.status === "failed");
  if (!results.complete || failed) {
    io.err(`${failed ? "an answer is wrong" : "interrupted"}; no record was written\n`);
    return failed ? EXIT.failed : EXIT.interrupted;
  }
  const file = join(flags.out, "cpu.json");
  await writeResults(io, file, results);
  io.out(`Written: ${file}\n`);
  return EXIT.ok;
}
