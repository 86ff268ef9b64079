import { join } from "node:path";
import { label } from "@attnkit/measure/choice";
import type { BenchOptions } from "@attnkit/measure/results";
import { makeFolder, writeTogether } from "../files.ts";
import { svg } from "../frontier/figure.ts";
import type { Frontier } from "../frontier/frontier.ts";
import { measureFrontier, softmaxReference } from "../frontier/measure.ts";
import { frontierCsv, report } from "../frontier/table.ts";
import { EXIT, type Io, UsageError } from "../io.ts";
import { inputOf, open, start, validate } from "../measure/run.ts";
import { progress } from "../report/progress.ts";
import { choices } from "../select.ts";
import type { Flags } from "./bench-flags.ts";

/**
 * Takes under 4 minutes on two busy cores with three backends, checks and weights included. The contexts are those of
 * decode, for the crossover.
 */
const FULL = { length: 1024, contexts: [64, 256, 1024, 4096], budget: 60, rounds: 11 };
/** Takes under 90 seconds on two busy cores with two backends. */
const QUICK = { length: 512, contexts: [64, 512, 2048], budget: 13, rounds: 7 };

/** The flags of the bench that `--frontier` does not have. */
const OTHERS: Readonly<Record<string, string>> = {
  baselines: "--no-baselines",
  memoryLengths: "--memory-lengths",
  memory: "--no-memory",
  record: "--record",
  smoke: "--smoke",
  against: "--against",
  threshold: "--threshold",
  onlySlower: "--only-slower",
  tiles: "--tiles",
  resume: "--resume",
};

/**
 * Measures accuracy beside cost and writes text, JSON, CSV and a plot. `written` holds the names of the flags that the
 * user gave. Resolves with the exit code.
 *
 * @throws UsageError for flags that do not go together and names that do not exist.
 */
export async function frontier(io: Io, flags: Flags, written: readonly string[]): Promise<number> {
  const options = optionsOf(flags, written);
  validate(options);
  const input = await inputOf(io, options, {
    lengths: flags.lengths !== undefined,
    contexts: flags.decodeContexts !== undefined,
  });
  if (flags.tensors && !flags.decodeContexts)
    options.contexts = contextsWithin(options.contexts, input.sequence.length);
  const reference = await softmaxReference(input.sequence, options);
  const opened = await open(options, input);
  await makeFolder(io, flags.out);
  const results = await start(options, input, opened);
  const shown = progress(io);
  for (const note of input.notes) shown.note(note);
  let found: Frontier;
  try {
    const session = { results, subjects: opened.subjects, progress: shown, signal: io.signal, save: async () => {} };
    found = await measureFrontier(session, reference);
  } finally {
    shown.stop();
  }
  results.finished = new Date().toISOString();
  const name = `frontier-${results.started.slice(0, 19).replaceAll(":", "-")}Z`;
  const text = report(found);
  const plot = svg(found);
  const files = new Map([
    [`${name}.json`, `${JSON.stringify(found, null, 1)}\n`],
    [`${name}.csv`, frontierCsv(found)],
    [`${name}.md`, `${text}\n`],
    ...(plot === undefined ? [] : [[`${name}.svg`, `${plot}\n`] as const]),
  ]);
  await writeTogether(io, flags.out, files);
  io.out(`${text}\n\nWritten: ${[...files.keys()].map((file) => join(flags.out, file)).join(", ")}\n`);
  if (!found.complete) {
    io.err("interrupted; what was measured is written, and a new run starts from the beginning\n");
    return EXIT.interrupted;
  }
  return results.cells.some((c) => c.status === "failed") ? EXIT.failed : EXIT.ok;
}

/** Returns the default contexts within a file of `tokens` tokens, or where there are fewer than three, shares of it. */
function contextsWithin(usual: readonly number[], tokens: number): number[] {
  if (usual.length >= 3) return [...usual];
  const shares = [16, 4, 1].map((share) => Math.floor((tokens - 1) / share)).filter((n) => n > 0);
  return [...new Set(shares)].sort((a, b) => a - b);
}

function optionsOf(flags: Flags, written: readonly string[]): BenchOptions {
  const other = written.find((name) => Object.hasOwn(OTHERS, name));
  if (other) throw new UsageError("--frontier", `cannot be combined with ${OTHERS[other]}; give one of them`);
  const drawn = written.find((name) => ["text", "heads", "kvHeads", "dim", "seed"].includes(name));
  if (flags.tensors !== undefined && flags.tensors !== null && drawn)
    throw new UsageError(
      "--tensors",
      `cannot be combined with --${drawn === "kvHeads" ? "kv-heads" : drawn}; give one of them`,
    );
  const lengths = flags.lengths ?? [];
  if (lengths.length > 1)
    throw new UsageError("--lengths", `${lengths.join(",")}: --frontier compares at one length; expected one number`);
  const kvHeads = flags.kvHeads ?? flags.heads;
  if (flags.heads % kvHeads !== 0)
    throw new UsageError(
      "--kv-heads",
      `${flags.heads} query heads are not a multiple of ${kvHeads} key and value heads`,
    );
  const preset = flags.quick ? QUICK : FULL;
  const length = lengths[0] ?? preset.length;
  const contexts = flags.decodeContexts ?? [...new Set([...preset.contexts, length])].sort((a, b) => a - b);
  return {
    mechanism: besideSoftmax(flags.mechanism ?? null),
    backend: flags.backend ?? null,
    dtype: flags.dtype ?? null,
    heads: flags.heads,
    kvHeads,
    dim: flags.dim,
    lengths: [length],
    contexts,
    seed: flags.seed,
    rounds: flags.rounds ?? preset.rounds,
    budget: flags.budget ?? preset.budget,
    kernels: flags.kernels,
    baselines: false,
    largest: flags.largest * 2 ** 20,
    memory: 0,
    threads: flags.threads,
    text: flags.text ?? null,
    tensors: flags.tensors ?? null,
  };
}

/** Adds softmax with its default options to a list without it: a crossover needs its times. */
function besideSoftmax(mechanism: string | null): string | null {
  if (mechanism === null) return null;
  const labels = choices(mechanism).map(label);
  const twice = labels.find((name, i) => labels.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError("--mechanism", `${twice} is named twice; expected each once`);
  return labels.includes("softmax") ? mechanism : `softmax,${mechanism}`;
}
