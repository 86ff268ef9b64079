import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve as resolvePath } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { resolve } from "import-meta-resolve";
import { messageOf, UsageError } from "../io.ts";

/** A module from outside this repository, and what the user wrote for it. */
export interface Outside {
  /** `"./my-backend.js"` or `"@me/my-backend"`, with the part after `#`, if there is one. */
  readonly written: string;
  /** The part after `#`: the export, or the entry of a list, that the user chose. */
  readonly chosen: string | undefined;
  readonly exports: Readonly<Record<string, unknown>>;
}

/**
 * Loads a file or a package that the user named. Both are found from the user's folder. A package is asked for its entry
 * `./about` first, then for its main entry.
 * @returns The module, or undefined if `written` is not a path and no package of that name is installed.
 * @throws UsageError if a file does not exist, and if the module throws while it is loaded.
 */
export async function load(cwd: string, written: string): Promise<Outside | undefined> {
  const [, specifier = "", , chosen] = /^([^#]*)(#(.*))?$/s.exec(written) ?? [];
  const url = isPath(specifier) ? await fileOf(cwd, specifier, written) : packageOf(cwd, specifier);
  if (url === undefined) return undefined;
  try {
    return { written, chosen, exports: await import(url) };
  } catch (error) {
    throw new UsageError(written, `could not be loaded: ${messageOf(error)}`);
  }
}

/** The exports of a module in words: `default (a function), sizes (an object with the fields a, b)`. */
export function exportsText({ exports }: Outside): string {
  const all = Object.entries(exports).map(([name, value]) => `${name} (${kindOf(value)})`);
  return all.length === 0 ? "nothing" : all.join(", ");
}

export function kindOf(x: unknown): string {
  if (x === null || x === undefined) return String(x);
  if (typeof x === "function") return "a function";
  if (Array.isArray(x)) return `a list of ${x.length}`;
  if (typeof x !== "object") return `a ${typeof x}`;
  return `an object with the fields ${Object.keys(x).slice(0, 6).join(", ") || "(none)"}`;
}

const isPath = (specifier: string): boolean =>
  /^(\.{1,2}([\\/]|$)|file:)|\.[cm]?[jt]s$/.test(specifier) || isAbsolute(specifier);

async function fileOf(cwd: string, specifier: string, written: string): Promise<string> {
  const path = specifier.startsWith("file:") ? fileURLToPath(specifier) : resolvePath(cwd, specifier);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new UsageError(written, `there is no file ${path}; expected a JavaScript module`);
  return pathToFileURL(path).href;
}

function packageOf(cwd: string, specifier: string): string | undefined {
  const from = pathToFileURL(join(cwd, "from.js")).href;
  const bare = /^(@[^/]+\/)?[^/]+$/.test(specifier);
  for (const name of [...(bare ? [`${specifier}/about`] : []), specifier]) {
    try {
      const url = resolve(name, from);
      // A builtin such as `node:fs`, and a file that a package only names.
      if (url.startsWith("file:")) return url;
    } catch {
      // Not installed, or without that entry. The caller says which names there are.
    }
  }
  return undefined;
}
