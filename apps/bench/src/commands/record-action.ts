import { execFile } from "node:child_process";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { makeFolder, writeOutput } from "../files.ts";
import { Refusal } from "../gpu/cell.ts";
import { cellsOf } from "../gpu/cells.ts";
import { Columns } from "../gpu/columns.ts";
import { findings } from "../gpu/findings.ts";
import { measureGroup } from "../gpu/group.ts";
import { checkModels } from "../gpu/python.ts";
import { conclusions, groupTable } from "../gpu/report.ts";
import { groups, TOTAL } from "../gpu/sizes.ts";
import { EXIT, type Io, UsageError } from "../io.ts";
import { environment, frameworks } from "../measure/environment.ts";
import { Record as Format, RECORD, type Record } from "../record.ts";
import { progress } from "../report/progress.ts";
import { readTuned, type Tuned } from "../tune/file.ts";

/**
 * Measures every group of a GPU record and writes `DIR/gpu-<date>.json`. Resolves with the exit code. Throws `UsageError` before
 * anything is measured if the table of tiles cannot be used.
 */
export async function recordGpu(io: Io, flags: { smoke: boolean; out: string; tiles?: string }): Promise<number> {
  const tuned = flags.tiles === undefined ? undefined : await readTuned(io, flags.tiles);
  const columns = new Columns(tuned?.tiles);
  if (tuned) await usable(columns);
  await makeFolder(io, flags.out);
  const start = performance.now();
  const left = () => TOTAL - (performance.now() - start) / 1000;
  const now = new Date().toISOString();
  const record: Record = {
    ...{ schema: RECORD, complete: false, started: now, finished: now, smoke: flags.smoke },
    environment: await environment(),
    versions: frameworks(),
    driver: await driver(),
    adapters: columns.adapters,
    table: flags.tiles !== undefined && tuned ? tableOf(flags.tiles, tuned) : null,
    ...{ budget: TOTAL, groups: [], findings: [], onnx: null },
  };
  const software = (column: string) => columns.adapters[column]?.software ?? false;
  const file = join(flags.out, `gpu-${now.slice(0, 19).replaceAll(":", "-")}Z.json`);
  const shown = progress(io);
  const save = async () => {
    record.finished = new Date().toISOString();
    record.findings = findings(record.groups, software);
    await writeOutput(io, file, `${JSON.stringify(Format.parse(record), null, 1)}\n`);
  };
  try {
    for (const plan of groups(flags.smoke)) {
      if (io.signal.aborted) break;
      const group = await measureGroup(plan, cellsOf(plan, columns), { signal: io.signal, progress: shown, left });
      record.groups.push(group);
      await save();
      io.out(
        `${groupTable(
          group,
          group.cells.some((c) => software(c.column)),
        )}\n\n`,
      );
    }
    if (!io.signal.aborted) record.onnx = await checkModels();
  } finally {
    shown.stop();
  }
  record.complete = !io.signal.aborted;
  await save();
  io.out(`${conclusions(record)}\n\nWritten: ${file}\n`);
  if (!record.complete) return EXIT.interrupted;
  const failed = record.groups.some(({ cells }) => cells.some((c) => c.status === "failed"));
  return failed || record.onnx?.models.some(isWrong) ? EXIT.failed : EXIT.ok;
}

/** Opens the backend that has the kernels, which tells whether the table is for its adapter. Throws `UsageError`. */
async function usable(columns: Columns): Promise<void> {
  try {
    await columns.backend("webgpu", "float32");
  } catch (error) {
    if (error instanceof Refusal) throw new UsageError("--tiles", `needs the backend webgpu: ${error.message}`);
    throw error;
  }
}

const tableOf = (path: string, { started, complete, smoke, tiles }: Tuned): Record["table"] => ({
  ...{ file: basename(path), started, complete, smoke, tiles },
});

/** A model that a package refused, or computed with another result. A missing package is no fault of the model. */
const isWrong = ({ checker, used, error }: NonNullable<Record["onnx"]>["models"][number]): boolean =>
  (checker !== null && checker !== "ok") || error !== null || (used !== null && used > 1);

async function driver(): Promise<string | null> {
  const args = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
  try {
    return (await promisify(execFile)("nvidia-smi", args)).stdout.trim();
  } catch {
    return null;
  }
}
