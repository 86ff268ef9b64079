import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeFolder, writeOutput } from "../files.ts";
import { EXIT, type Io } from "../io.ts";
import { environment, frameworks } from "../measure/environment.ts";
import { inputOf, open, start } from "../measure/run.ts";
import { measure } from "../measure/session.ts";
import { Record as Format, RECORD, type Record } from "../record.ts";
import { progress } from "../report/progress.ts";
import { tables } from "../report/table.ts";
import { gpuRuns } from "./record-runs.ts";

/** Runs every benchmark of a GPU record and writes `DIR/gpu-<date>.json`. Resolves with the exit code. */
export async function recordGpu(io: Io, flags: { smoke: boolean; out: string }): Promise<number> {
  await makeFolder(io, flags.out);
  const now = new Date().toISOString();
  const record: Record = {
    ...{ schema: RECORD, complete: false, started: now, finished: now, smoke: flags.smoke },
    environment: await environment(),
    versions: frameworks(),
    driver: await driver(),
    adapters: {},
    runs: [],
  };
  const file = join(flags.out, `gpu-${now.slice(0, 19).replaceAll(":", "-")}Z.json`);
  const shown = progress(io);
  const save = async () => {
    record.finished = new Date().toISOString();
    await writeOutput(io, file, `${JSON.stringify(Format.parse(record), null, 1)}\n`);
  };
  try {
    for (const { name, says, options } of gpuRuns(flags.smoke)) {
      if (io.signal.aborted) break;
      const input = await inputOf(io, options, { lengths: true, contexts: true });
      const opened = await open(options, input);
      const results = await start(options, input, opened);
      for (const { backend, adapter } of results.cells) if (adapter) record.adapters[backend] = adapter;
      record.runs.push({ name, says, results });
      await measure({ results, subjects: opened.subjects, progress: shown, signal: io.signal, save });
      await save();
      io.out(`${name}: ${says}\n\n${tables(results)}\n\n`);
    }
  } finally {
    shown.stop();
  }
  record.complete = !io.signal.aborted;
  await save();
  io.out(`Written: ${file}\n`);
  if (!record.complete) return EXIT.interrupted;
  return record.runs.some((r) => r.results.cells.some((c) => c.status === "failed")) ? EXIT.failed : EXIT.ok;
}

async function driver(): Promise<string | null> {
  const args = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
  try {
    return (await promisify(execFile)("nvidia-smi", args)).stdout.trim();
  } catch {
    return null;
  }
}
