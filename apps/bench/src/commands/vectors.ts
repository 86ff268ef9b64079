import { type BackendEntry, creator, mechanisms } from "@attnkit/catalog";
import type { Backend, DType } from "@attnkit/core";
import { floatTypeOf, readVectors, runVectors, type VectorCase, type VectorResult } from "@attnkit/core/conformance";
import { readJson, writeOutput } from "../files.ts";
import { EXIT, type Io, messageOf, oneLine, UsageError, userMessage } from "../io.ts";
import { backendChoices, dtypeFor, mechanismNamed, open, openNamed } from "../select.ts";
import type { Flags } from "./conform-flags.ts";

/** The result of one case on one backend. */
interface Line extends VectorResult {
  readonly file: string;
  readonly backend: string;
  readonly dtype: DType;
}

/** Runs golden vectors. Prints a line for each case as soon as it is done, and the totals in the last line. */
export async function vectors(io: Io, flags: Flags): Promise<number> {
  const clash = (["law", "options", "case", "markdown", "badge", "expected", "kernel"] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (clash) throw new UsageError(`--${clash}`, "cannot be combined with --vectors");
  const own = flags.mechanism === undefined ? undefined : mechanismNamed(flags.mechanism);
  // A mechanism from outside is named by its file, and its cases by its own name.
  const ownName = own?.create(own.variants[0]).name;
  const files: { path: string; cases: VectorCase[] }[] = [];
  for (const path of flags.vectors ?? []) files.push({ path, cases: await read(io, path) });
  const entries = backendChoices(flags.backend ?? "cpu");
  const lines: Line[] = [];
  for (const entry of entries) {
    const backendOf = opener(entry, flags);
    const unavailable = flags.backend === undefined ? await missing(entry) : undefined;
    if (unavailable !== undefined) {
      io.err(`${entry.name} is not available here: ${unavailable}\n`);
      continue;
    }
    for (const { path, cases } of files) {
      for (const c of cases) {
        if (own && c.mechanism !== ownName) continue;
        const backend = await backendOf(c);
        const named = own ?? mechanisms.find((m) => m.name === c.mechanism);
        const create = named && (await creator(named, backend));
        const [result] = await runVectors([c], { backend, mechanism: (_, options) => create?.(options) });
        const line = { file: path, backend: entry.name, dtype: backend.dtype, ...result! };
        lines.push(line);
        io.out(`${say(line, entries.length > 1)}\n`);
      }
    }
  }
  const count = (status: Line["status"]) => lines.filter((l) => l.status === status).length;
  const [passed, failed, unsupported] = [count("pass"), count("fail"), count("unsupported")];
  if (flags.json !== undefined) {
    const all = { format: "attnkit-vector-results/1", passed, failed, unsupported, cases: lines };
    // JSON has no NaN and no infinities, and a wrong result may contain both.
    const written = JSON.stringify(
      all,
      (_, x: unknown) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x),
      1,
    );
    await writeOutput(io, flags.json, `${written}\n`);
  }
  io.out(`${passed} passed, ${failed} failed, ${unsupported} unsupported\n`);
  return failed > 0 ? EXIT.failed : EXIT.ok;
}

async function read(io: Io, path: string): Promise<VectorCase[]> {
  const content = await readJson(io, path);
  try {
    return readVectors(content);
  } catch (error) {
    throw new UsageError(path, userMessage(error) ?? messageOf(error));
  }
}

/** Returns the backend for a case, made once for each float type: the type of the inputs, or the default where it lacks that. */
function opener(entry: BackendEntry, { dtype }: Flags): (c: VectorCase) => Promise<Backend<unknown>> {
  const made = new Map<DType, Promise<Backend<unknown>>>();
  return (c) => {
    const wished = floatTypeOf(c);
    const fitting = entry.dtypes.includes(wished) ? wished : entry.dtypes[0]!;
    const wanted = dtype === undefined ? fitting : dtypeFor(entry, dtype);
    const backend = made.get(wanted) ?? openNamed(entry, wanted);
    made.set(wanted, backend);
    return backend;
  };
}

async function missing(entry: BackendEntry): Promise<string | undefined> {
  const backend = await open(entry, entry.dtypes[0]!);
  return "unavailable" in backend ? backend.unavailable : undefined;
}

function say({ name, status, reason, worst, backend }: Line, several: boolean): string {
  const who = oneLine(several ? `${name} on ${backend}` : name);
  if (status === "pass") return `pass ${who}`;
  if (!worst || status === "unsupported") return `${status} ${who}: ${oneLine(reason ?? "no reason given")}`;
  const error = Math.abs(worst.got - worst.expected);
  const place = `${worst.output}[${worst.index.join(", ")}]`;
  return `fail ${who}: worst error ${error.toExponential(2)} at ${place} (got ${worst.got}, expected ${worst.expected}, allowed ${worst.allowed.toExponential(2)})`;
}
