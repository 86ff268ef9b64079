/** Reads the workspace as plain data. The rules then run on the real workspace and on bad examples alike. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";

export interface Manifest {
  name?: string;
  private?: boolean;
  exports?: Record<string, string | Record<string, string>>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  [field: string]: unknown;
}

export type Kind = "core" | "wgsl" | "mechanism" | "backend" | "app" | "tool";

export interface Package {
  /** The path from the root of the repository, with slashes: `packages/core`. */
  readonly dir: string;
  readonly kind: Kind;
  readonly manifest: Manifest;
  /** The text of every file of the package except build output, by its path in the package. */
  readonly files: ReadonlyMap<string, string>;
}

export interface Repo {
  readonly manifest: Manifest;
  readonly license: string;
  readonly packages: readonly Package[];
}

export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const kinds: Record<string, Kind> = {
  ...{ core: "core", wgsl: "wgsl" },
  ...{ mechanisms: "mechanism", backends: "backend", apps: "app", tools: "tool" },
};

/**
 * Returns the kind of a package by its folder: `packages/core`, `packages/wgsl`, `packages/mechanisms/x`,
 * `packages/backends/x`, `apps/x` or `tools/x`.
 */
export function kindOf(dir: string): Kind {
  return kinds[dir.replace(/^packages\//, "").split("/")[0]!]!;
}

export function readRepo(root: string): Repo {
  const under = (dir: string) =>
    existsSync(join(root, dir)) ? readdirSync(join(root, dir)).map((name) => `${dir}/${name}`) : [];
  const dirs = [
    "packages/core",
    "packages/wgsl",
    ...["packages/mechanisms", "packages/backends", "apps", "tools"].flatMap(under),
  ];
  const packages = dirs
    .filter((dir) => existsSync(join(root, dir, "package.json")))
    .map((dir) => {
      const files = readFiles(join(root, dir));
      return { dir, kind: kindOf(dir), manifest: JSON.parse(files.get("package.json")!), files };
    });
  const text = (name: string) => readFileSync(join(root, name), "utf8");
  return { manifest: JSON.parse(text("package.json")), license: text("LICENSE"), packages };
}

function readFiles(root: string, dir = "", files: Map<string, string> = new Map()): Map<string, string> {
  for (const name of readdirSync(join(root, dir))) {
    if (["node_modules", "dist", ".site", ".turbo", "coverage", "results"].includes(name)) continue;
    const path = posix.join(dir, name);
    if (statSync(join(root, path)).isDirectory()) readFiles(root, path, files);
    else files.set(path, readFileSync(join(root, path), "utf8"));
  }
  return files;
}

/**
 * Returns all imports. The formatter puts static imports and re-exports at the start of a line. `import("x")` is found
 * anywhere.
 */
export function importsOf(source: string): Import[] {
  const statics = source.matchAll(/^(?:import|export)\s+(type\s)?(?:[^"'`;]*?\sfrom\s*)?["']([^"']+)["']/gm);
  const dynamic = source.matchAll(/\bimport\(\s*["']([^"']+)["']/g);
  return [
    ...[...statics].map((m) => ({ specifier: m[2]!, typeOnly: m[1] !== undefined })),
    ...[...dynamic].map((m) => ({ specifier: m[1]!, typeOnly: false })),
  ];
}

/** Maps `@scope/name/sub` to `@scope/name`. Returns undefined for relative and `node:` specifiers. */
export function packageOf(specifier: string): string | undefined {
  if (/^(\.|node:)/.test(specifier)) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

export function sources(pkg: Package, folder: "src" | "test"): [path: string, text: string][] {
  return [...pkg.files].filter(([path]) => path.startsWith(`${folder}/`) && /\.(ts|tsx|mts|js|mjs)$/.test(path));
}

/** Returns the file in the same package that a relative import names. */
export function target(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier);
}
