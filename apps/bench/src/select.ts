import { type BackendEntry, backends, type MechanismEntry, mechanisms } from "@attnkit/catalog";
import type { Backend, DType, Options } from "@attnkit/core";
import type { Choice } from "@attnkit/measure/choice";
import { messageOf, UsageError } from "./io.ts";
import { admit, outsideBackends, outsideMechanism } from "./outside/admit.ts";

/** Returns the mechanism entry of that name. Throws `UsageError`. */
export function mechanismNamed(name: string): MechanismEntry {
  return outsideMechanism(name) ?? find("--mechanism", name, mechanisms, "mechanism");
}

/** Returns the backend entry of that name. Throws `UsageError`. */
export function backendNamed(name: string): BackendEntry {
  return outsideBackends(name)?.[0] ?? find("--backend", name, backends, "backend");
}

/**
 * Loads the files and packages from outside that the values of --backend and --mechanism name. Call it before the
 * functions that look names up. Throws `UsageError`.
 */
export async function admitNamed(cwd: string, backend: string | null, mechanism: string | null): Promise<void> {
  await admit(cwd, {
    backends: (backend ?? "").split(",").flatMap((name) => name.trim() || []),
    mechanisms: splitOutside(mechanism ?? "").flatMap((item) => item.slice(0, optionsAt(item)) || []),
  });
}

/** Parses `a,b:{"order":2}`. By default, every mechanism is chosen with its default options. */
export function choices(text: string | undefined): Choice[] {
  if (text === undefined) return mechanisms.map((entry) => ({ entry, options: entry.variants[0] ?? {} }));
  return splitOutside(text).map((item) => {
    const colon = optionsAt(item);
    const entry = mechanismNamed(item.slice(0, colon));
    return { entry, options: colon === undefined ? (entry.variants[0] ?? {}) : parseOptions(item.slice(colon + 1)) };
  });
}

/**
 * The backends of `bench` and `conform` where none is named: one per library. No two of them share a global, so that one
 * process holds all three.
 */
export const USUAL = "cpu,ort-cpu,tfjs-wasm";

/** The backend entries of a list of names. Throws `UsageError`. */
export const backendChoices = (text: string = USUAL): readonly BackendEntry[] =>
  text.split(",").flatMap((name) => outsideBackends(name.trim()) ?? backendNamed(name.trim()));

/**
 * Returns the float type to make a backend with: the requested one, or the backend's default. Throws `UsageError` if
 * the backend does not have it.
 */
export function dtypeFor(entry: BackendEntry, wanted: string | undefined): DType {
  if (wanted === undefined) return entry.dtypes[0]!;
  const found = entry.dtypes.find((d) => d === wanted);
  if (found) return found;
  throw new UsageError("--dtype", `${entry.name} has no ${wanted}; expected ${entry.dtypes.join(" or ")}`);
}

/** Refuses a number of threads that no backend would use. Throws `UsageError`. */
export function checkThreads(entries: readonly BackendEntry[], threads: number): void {
  if (threads === 1 || entries.some((entry) => entry.threads)) return;
  const [asked, able] = [entries, backends.filter((b) => b.threads)].map((all) => all.map((b) => b.name).join(", "));
  throw new UsageError(
    "--threads",
    `${asked} cannot run with ${threads} threads; expected --backend with one of ${able}`,
  );
}

/**
 * Opens a backend, or returns the reason why this machine has none. `threads` is ignored by backends that take no
 * number.
 */
export async function open(
  entry: BackendEntry,
  dtype: DType,
  threads = 1,
): Promise<Backend<unknown> | { unavailable: string }> {
  try {
    return await entry.create({ dtype, threads });
  } catch (error) {
    return { unavailable: messageOf(error) };
  }
}

/** Opens a backend that the user named. Throws `UsageError` if it is not available. */
export async function openNamed(entry: BackendEntry, dtype: DType, threads = 1): Promise<Backend<unknown>> {
  const backend = await open(entry, dtype, threads);
  if ("unavailable" in backend)
    throw new UsageError(`--backend ${entry.name}`, `not available here: ${backend.unavailable}`);
  return backend;
}

function find<E extends { readonly name: string }>(flag: string, name: string, all: readonly E[], what: string): E {
  const found = all.find((e) => e.name === name);
  if (found) return found;
  throw new UsageError(
    flag,
    `there is no ${what} ${JSON.stringify(name)}; expected ${all.map((e) => e.name).join(", ")}, a file such as ./mine.js, or a package that is installed here`,
  );
}

/** The position of the colon before the options; a colon of `C:\\` or `file://` is none. */
function optionsAt(item: string): number | undefined {
  const colon = item.search(/:(?![\\/])/);
  return colon < 0 ? undefined : colon;
}

/** Splits at commas that are not inside brackets or braces. */
function splitOutside(text: string): string[] {
  const items = [""];
  let depth = 0;
  for (const c of text) {
    if ("{[".includes(c)) depth++;
    if ("}]".includes(c)) depth--;
    if (c === "," && depth === 0) items.push("");
    else items[items.length - 1] += c;
  }
  return items.map((item) => item.trim());
}

function parseOptions(text: string): Options {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Options;
  } catch {
    // Falls through to the error for everything that is not an object.
  }
  throw new UsageError("--mechanism", `options ${text} are not a JSON object; expected name:{"option":value}`);
}
