import { join } from "node:path";
import type { BenchOptions, Results } from "@attnkit/measure/results";
import { makeFolder } from "../files.ts";
import { EXIT, type Io, UsageError } from "../io.ts";
import { inputOf, open, read, start, validate } from "../measure/run.ts";
import { measure } from "../measure/session.ts";
import { anyOutside } from "../outside/admit.ts";
import { writeCsv, writePage, writeResults } from "../report/files.ts";
import { progress } from "../report/progress.ts";
import { tables } from "../report/table.ts";
import { admitNamed } from "../select.ts";
import { readTiles } from "../tune/file.ts";
import { against } from "./bench-against.ts";
import type { Flags, Preset } from "./bench-flags.ts";
import { recordGpu } from "./record-action.ts";
import { recordCpu } from "./record-cpu.ts";

/**
 * Runs, resumes or records a benchmark. `written` holds the names of the flags that the user gave. Resolves with the
 * exit code.
 */
export async function bench(io: Io, flags: Flags, preset: Preset, written: readonly string[]): Promise<number> {
  if (flags.resume !== undefined) return resume(io, flags.resume, written);
  const alone = ["threshold", "onlySlower"].find((name) => written.includes(name));
  if (flags.against === undefined && alone)
    throw new UsageError(
      `--${alone === "threshold" ? alone : "only-slower"}`,
      "works only together with --against DIR",
    );
  if (flags.record === undefined && flags.smoke) throw new UsageError("--smoke", "works only together with --record");
  if (flags.record === undefined) return run(io, flags, preset, written);
  const allowed = ["record", "smoke", "out", ...(flags.record === "gpu" ? ["tiles"] : [])];
  const other = written.find((name) => !allowed.includes(name));
  if (other)
    throw new UsageError(
      `--record ${flags.record}`,
      `sets every option of its benchmarks; it cannot be combined with --${other}`,
    );
  return flags.record === "gpu" ? recordGpu(io, flags) : recordCpu(io, flags);
}

async function run(io: Io, flags: Flags, preset: Preset, written: readonly string[]): Promise<number> {
  const both = (a: string, b: readonly string[]) => {
    const clash = b.find((name) => written.includes(name));
    if (written.includes(a) && clash)
      throw new UsageError(`--${a}`, `cannot be combined with --${clash}; give one of them`);
  };
  both("tensors", ["text", "heads", "kvHeads", "dim", "seed"]);
  both("against", ["tiles", "memoryLengths", "memory", "baselines", "rounds", "quick"]);
  if (!flags.memory && flags.memoryLengths !== undefined)
    throw new UsageError("--no-memory", "cannot be combined with --memory-lengths; give one of them");
  const options: BenchOptions = {
    mechanism: flags.mechanism ?? null,
    backend: flags.backend ?? null,
    dtype: flags.dtype ?? null,
    heads: flags.heads,
    kvHeads: flags.kvHeads ?? flags.heads,
    dim: flags.dim,
    lengths: flags.lengths ?? preset.lengths,
    contexts: flags.decodeContexts ?? preset.contexts,
    seed: flags.seed,
    rounds: flags.rounds ?? preset.rounds,
    budget: flags.budget ?? preset.budget,
    kernels: flags.kernels,
    baselines: flags.baselines,
    largest: flags.largest * 2 ** 20,
    memory: flags.memory ? (flags.memoryLengths ?? preset.memory) : 0,
    threads: flags.threads,
    text: flags.text ?? null,
    tensors: flags.tensors ?? null,
    ...(flags.tiles !== undefined && { tiles: await readTiles(io, flags.tiles) }),
  };
  if (options.heads % options.kvHeads !== 0) {
    throw new UsageError(
      "--kv-heads",
      `${options.heads} query heads are not a multiple of ${options.kvHeads} key and value heads`,
    );
  }
  validate(options);
  const input = await inputOf(io, options, {
    lengths: flags.lengths !== undefined,
    contexts: flags.decodeContexts !== undefined,
  });
  if (flags.against !== undefined && anyOutside())
    throw new UsageError(
      "--against",
      "compares two builds of attnkit; --backend and --mechanism then take names alone",
    );
  if (flags.against !== undefined) return against(io, { ...flags, against: flags.against }, options, input);
  const opened = await open(options, input);
  await makeFolder(io, flags.out);
  const results = await start(options, input, opened);
  const file = join(flags.out, `${results.started.slice(0, 19).replaceAll(":", "-")}Z.json`);
  return go(io, file, results, opened, input.notes);
}

async function resume(io: Io, file: string, written: readonly string[]): Promise<number> {
  const other = written.find((name) => name !== "resume");
  if (other) throw new UsageError("--resume", `reads every option from ${file}; it cannot be combined with --${other}`);
  const results = await read(io, file);
  await admitNamed(io.cwd, results.options.backend, results.options.mechanism);
  const input = await inputOf(io, results.options, { lengths: true, contexts: true });
  if (input.sha256 !== results.input.sha256) {
    throw new UsageError(
      file,
      `was measured on another input: ${results.input.source} has changed since; start a new run`,
    );
  }
  return go(io, file, results, await open(results.options, input), input.notes);
}

async function go(
  io: Io,
  file: string,
  results: Results,
  opened: Awaited<ReturnType<typeof open>>,
  notes: readonly string[],
): Promise<number> {
  const shown = progress(io);
  for (const note of notes) shown.note(note);
  try {
    const save = () => writeResults(io, file, results);
    await save();
    await measure({ results, subjects: opened.subjects, progress: shown, signal: io.signal, save });
    await save();
  } finally {
    shown.stop();
  }
  const page = await writePage(io, file, results);
  const table = await writeCsv(io, file, results);
  io.out(`${tables(results)}\n\nWritten: ${file}, ${page} and ${table}\n`);
  if (!results.complete) {
    io.err(`interrupted; to measure the rest, run attnkit bench --resume ${file}\n`);
    return EXIT.interrupted;
  }
  return results.cells.some((c) => c.status === "failed") ? EXIT.failed : EXIT.ok;
}
