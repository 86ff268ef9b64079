import { backends } from "@attnkit/catalog";
import type { Backend } from "@attnkit/core";
import { baselines } from "@attnkit/measure/baselines";
import { type BenchOptions, type CellResult, Results, SCHEMA } from "@attnkit/measure/results";
import { part, type Sequence, spread } from "@attnkit/measure/sequence";
import { type Subject, subject } from "@attnkit/measure/subject";
import { readJson } from "../files.ts";
import { type Input, tensorInput, textInput } from "../input/load.ts";
import { type Io, UsageError } from "../io.ts";
import { backendChoices, checkThreads, choices, dtypeFor, open as openBackend, openNamed } from "../select.ts";
import { useTilesOn } from "../tune/use.ts";
import { baselineSubject } from "./baseline.ts";
import { difference, environment } from "./environment.ts";

/** The cells that this machine can run, and the backends that it lacks. */
export interface Opened {
  readonly subjects: readonly Subject[];
  readonly unavailable: { backend: string; reason: string }[];
  /** The baselines that do not run here, as cells with the reason. */
  readonly refused: readonly CellResult[];
}

/**
 * Returns the input that the options ask for, long enough for every length and context. The length of a tensor file is
 * fixed: default sizes beyond it are dropped. Throws `UsageError` if the user asked for such sizes.
 */
export async function inputOf(
  io: Io,
  options: BenchOptions,
  asked: { lengths: boolean; contexts: boolean },
): Promise<Input> {
  const length = Math.max(...options.lengths, ...options.contexts.map((c) => c + 1));
  if (options.tensors === null) return textInput(io, options.text, { ...options, length });
  const input = await tensorInput(io, options.tensors);
  const { length: has } = input.sequence;
  const fit = (flag: string, sizes: readonly number[], most: number, wanted: boolean): number[] => {
    const kept = sizes.filter((n) => n <= most);
    if (wanted && kept.length < sizes.length)
      throw new UsageError(
        flag,
        `${sizes.at(-1)} is too long for ${options.tensors}, which has ${has} tokens; expected at most ${most}`,
      );
    return kept;
  };
  const lengths = fit("--lengths", options.lengths, has, asked.lengths);
  options.lengths = lengths.length ? lengths : [has];
  options.contexts = fit("--decode-contexts", options.contexts, has - 1, asked.contexts);
  return input;
}

/** Checks names and options before any work is done. Throws `UsageError`, and `ATTN_OPTION` of a mechanism. */
export function validate(options: BenchOptions): void {
  for (const { entry, options: own } of choices(options.mechanism ?? undefined)) entry.create(own);
  const entries = backendChoices(options.backend ?? undefined);
  for (const entry of entries) dtypeFor(entry, options.dtype ?? undefined);
  checkThreads(entries, options.threads);
}

/**
 * Opens every requested mechanism on every requested backend. Throws `UsageError`, and `ATTN_OPTION` of a mechanism.
 */
export async function open(options: BenchOptions, { sequence }: Input): Promise<Opened> {
  const subjects: Subject[] = [];
  const unavailable: Opened["unavailable"] = [];
  const refused: CellResult[] = [];
  const chosen = choices(options.mechanism ?? undefined);
  for (const entry of backendChoices(options.backend ?? undefined)) {
    const dtype = dtypeFor(entry, options.dtype ?? undefined);
    const backend: Backend<unknown> | { unavailable: string } =
      options.backend === null
        ? await openBackend(entry, dtype, options.threads)
        : await openNamed(entry, dtype, options.threads);
    if ("unavailable" in backend) unavailable.push({ backend: entry.name, reason: backend.unavailable });
    else {
      useTilesOn(backend, options.tiles);
      const own: Subject[] = [];
      for (const choice of chosen) own.push(await subject(choice, backend, entry.name, sequence, options.kernels));
      subjects.push(...own);
      for (const found of await beside(options, own, entry.name, dtype, sequence)) {
        if ("refused" in found) refused.push(found.refused);
        else subjects.push(found);
      }
    }
  }
  return { subjects, unavailable, refused };
}

/** Returns the baselines for the chosen mechanisms on a backend. They are float32 only. */
async function beside(
  { baselines: wanted, threads }: BenchOptions,
  own: readonly Subject[],
  backend: string,
  dtype: string,
  sequence: Sequence,
): Promise<(Subject | { refused: CellResult })[]> {
  const fits = (names?: readonly string[]) => own.some((s) => !names || names.includes(s.choice.entry.name));
  const entries = wanted && dtype === "float32" ? baselines.filter((b) => b.backend === backend && fits(b.beside)) : [];
  const found: (Subject | { refused: CellResult })[] = [];
  for (const entry of entries) {
    const made = await baselineSubject(entry, own[0]!, sequence, threads);
    if (!("refused" in made)) found.push(made);
    else {
      const { name, beside: names = null, computes } = entry;
      const cell = emptyCell(threads, {
        ...own[0]!,
        id: made.id,
        baseline: { name, beside: names, largest: () => 0, other: null },
      });
      const { mechanism = "", options = {} } = computes ?? {};
      found.push({ refused: { ...cell, mechanism, options: { ...options }, status: "refused", reason: made.refused } });
    }
  }
  return found;
}

/** Returns results in which nothing is measured yet. */
export async function start(
  options: BenchOptions,
  input: Input,
  { subjects, unavailable, refused }: Opened,
): Promise<Results> {
  const now = new Date().toISOString();
  const { q, k, v } = part(input.sequence, 0, input.sequence.length);
  return {
    schema: SCHEMA,
    complete: false,
    started: now,
    finished: now,
    environment: await environment(),
    options,
    input: {
      source: input.source,
      sha256: input.sha256,
      shapes: { q: [...q.shape], k: [...k.shape], v: [...v.shape] },
      q: spread(q.data),
      k: spread(k.data),
      v: spread(v.data),
    },
    plan: null,
    unavailable,
    cells: [...subjects.map((s) => emptyCell(options.threads, s)), ...refused],
    ratios: [],
  };
}

/** Reads incomplete results from a file, to be continued on this machine. Throws `UsageError`. */
export async function read(io: Io, file: string): Promise<Results> {
  const parsed = Results.safeParse(await readJson(io, file));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new UsageError(
      file,
      `is not a results file of schema ${SCHEMA} (${path.join(".") || "top level"}: ${message})`,
    );
  }
  const results = parsed.data;
  if (results.complete) throw new UsageError(file, "is complete; there is nothing to resume");
  const changed = difference(results.environment, await environment());
  if (changed)
    throw new UsageError(
      file,
      `was measured under other conditions: ${changed}. Timings of both cannot be compared; start a new run`,
    );
  const { threads } = results.options;
  const other = results.cells.find((c) => c.threads !== threadsOf(c.backend, threads));
  if (other)
    throw new UsageError(
      file,
      `was measured with different numbers of threads: ${other.id} has ${other.threads}, the run has ${threads}`,
    );
  return results;
}

/** Returns the number of threads that a backend is given, or null if it takes none. */
const threadsOf = (backend: string, threads: number): number | null =>
  backends.find((b) => b.name === backend)?.threads ? threads : null;

function emptyCell(threads: number, { id, choice, entryName, backend, adapter, baseline }: Subject): CellResult {
  return {
    id,
    baseline: baseline ? { name: baseline.name, beside: baseline.beside && [...baseline.beside] } : null,
    mechanism: baseline?.other ? "" : choice.entry.name,
    options: { ...choice.options },
    backend: entryName,
    device: backend.device,
    threads: threadsOf(entryName, threads),
    adapter: adapter && { ...adapter },
    dtype: backend.dtype,
    status: "unchecked",
    checks: [],
    prefill: [],
    decode: [],
    memory: [],
    growth: { prefill: null, decode: null, memory: null },
  };
}
