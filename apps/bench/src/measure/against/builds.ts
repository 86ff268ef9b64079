import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { messageOf, UsageError } from "../../io.ts";

/** Folders of built packages, by name. */
export type Packages = ReadonlyMap<string, string>;

/** This build: the published packages, and the private ones that measure them. */
export interface Own {
  readonly packages: Packages;
  readonly harness: Packages;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, { readonly default?: string } | string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

export const manifestOf = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;

/** This package's folder. The path is the same from `src` and from `dist`. */
const BENCH = fileURLToPath(new URL("../../../", import.meta.url));

/** Returns the packages that this program itself uses: its own, and everything of attnkit that they depend on. */
export async function own(): Promise<Own> {
  const packages = new Map<string, string>();
  const harness = new Map<string, string>();
  const todo = [BENCH];
  for (let folder = todo.pop(); folder !== undefined; folder = todo.pop()) {
    const manifest = await manifestOf(folder);
    const into = manifest.private ? harness : packages;
    if (into.has(manifest.name)) continue;
    into.set(manifest.name, folder);
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      const linked = join(folder, "node_modules", name);
      if (name.startsWith("@attnkit/") && existsSync(linked)) todo.push(await realpath(linked));
    }
  }
  return { packages, harness };
}

/**
 * Finds the built packages of attnkit in a folder: a checkout, which is built first if its dependencies are installed, a
 * folder with `node_modules/@attnkit`, or a folder of tarballs, which are unpacked into `temporary`. `names` are the
 * packages that are needed. Throws `UsageError` if one of them is missing or not built.
 */
export async function packagesIn(dir: string, names: readonly string[], temporary: string): Promise<Packages> {
  const refuse = (message: string): never => {
    throw new UsageError(`--against ${dir}`, message);
  };
  const full = resolve(dir);
  const kind = await stat(full).catch(() => undefined);
  if (!kind?.isDirectory()) return refuse("is not a folder; expected a checkout of attnkit or its packed packages");
  const found = await (existsSync(join(full, "packages/core/package.json"))
    ? checkout(full, refuse)
    : existsSync(join(full, "node_modules/@attnkit"))
      ? foldersIn([join(full, "node_modules/@attnkit")])
      : unpacked(full, temporary, refuse));
  for (const name of names) {
    const folder = found.get(name) ?? refuse(`has no package ${name}; expected ${names.join(", ")}`);
    const { exports = {} } = await manifestOf(folder);
    for (const entry of Object.values(exports)) {
      const file = typeof entry === "string" ? entry : entry.default;
      if (file && !existsSync(join(folder, file)))
        refuse(`${name} is not built: ${file} is missing; run npx --yes pnpm@12 install and build there`);
    }
  }
  return found;
}

async function checkout(full: string, refuse: (message: string) => never): Promise<Packages> {
  const found = await foldersIn(["packages", "packages/backends", "packages/mechanisms"].map((p) => join(full, p)));
  if (existsSync(join(full, "node_modules"))) {
    try {
      // The build finds pnpm on the path only inside of pnpm. On Windows npx is a script, which only a shell can start.
      await promisify(execFile)("npx", ["--yes", "pnpm@12", "--silent", "build"], {
        cwd: full,
        shell: process.platform === "win32",
      });
    } catch (error) {
      const { stderr = "" } = error as { stderr?: string };
      refuse(`does not build: ${stderr.trim().split("\n").at(-1) || messageOf(error)}`);
    }
    return found;
  }
  for (const folder of found.values()) {
    const [source, built] = [await newest(join(folder, "src")), await newest(join(folder, "dist"))];
    if (source > built)
      refuse(`${folder} has sources that are newer than its build; run npx --yes pnpm@12 install and build there`);
  }
  return found;
}

/** Returns the time of the last change of a file in a folder, in milliseconds, or 0 without files. */
async function newest(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const times = files.filter((f) => f.isFile()).map(async (f) => (await stat(join(f.parentPath, f.name))).mtimeMs);
  return Math.max(0, ...(await Promise.all(times)));
}

async function unpacked(full: string, temporary: string, refuse: (message: string) => never): Promise<Packages> {
  const tarballs = (await readdir(full)).filter((name) => name.endsWith(".tgz"));
  if (tarballs.length === 0)
    refuse("has no packages; expected a checkout of attnkit, node_modules/@attnkit, or *.tgz files");
  for (const name of tarballs) {
    const into = join(temporary, name.slice(0, -4));
    await mkdir(into, { recursive: true });
    try {
      await promisify(execFile)("tar", ["-xzf", join(full, name), "--strip-components=1", "-C", into]);
    } catch (error) {
      refuse(`${name} cannot be unpacked: ${messageOf(error)}`);
    }
  }
  return foldersIn([temporary]);
}

/** Returns the packages of attnkit among the folders inside these folders. */
async function foldersIn(parents: readonly string[]): Promise<Packages> {
  const found = new Map<string, string>();
  for (const parent of parents) {
    for (const name of await readdir(parent).catch(() => [])) {
      const folder = join(parent, name);
      if (!existsSync(join(folder, "package.json"))) continue;
      const manifest = await manifestOf(folder);
      if (manifest.name.startsWith("@attnkit/")) found.set(manifest.name, folder);
    }
  }
  return found;
}
