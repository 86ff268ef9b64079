/** Derives from the lists of the catalog its dependencies, and the tsconfig references of every package. */
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { type Manifest, type Package, packageOf, readRepo } from "../structure/repo.ts";
import type { Derived } from "./derived.ts";

const CATALOG = "tools/catalog";
const LISTS = ["mechanism-list.ts", "backend-list.ts"];

/** The catalog depends on each package that its lists name. */
export function catalogDependencies(root: string): Derived {
  const path = `${CATALOG}/package.json`;
  const manifest: Manifest = JSON.parse(readFileSync(join(root, path), "utf8"));
  const listed = LISTS.flatMap((list) => {
    const text = readFileSync(join(root, CATALOG, "src", list), "utf8");
    return [...text.matchAll(/ from "(@attnkit\/[^"]+)"/g)].map(
      (match) => [packageOf(match[1]!)!, "workspace:*"] as const,
    );
  });
  const all = Object.entries({ ...Object.fromEntries(listed), ...manifest.dependencies });
  const dependencies = Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
  return { path, text: `${JSON.stringify({ ...manifest, dependencies }, null, 2)}\n` };
}

/** Each tsconfig.json references the workspace packages that its package.json depends on. */
export function projectReferences(root: string): Derived[] {
  const { packages } = readRepo(root);
  const dirOf = new Map(packages.map((pkg) => [pkg.manifest.name ?? "", pkg.dir]));
  return packages.flatMap((pkg) => {
    const path = `${pkg.dir}/tsconfig.json`;
    const text = pkg.files.get("tsconfig.json");
    const wanted = neededBy(pkg, dirOf);
    if (text === undefined) return [];
    const config = JSON.parse(text);
    const given: string[] = (config.references ?? []).map((r: { path: string }) => posix.join(pkg.dir, r.path));
    if (given.length === wanted.length && wanted.every((dir) => given.includes(dir))) return [];
    const references = wanted.map((dir) => ({ path: posix.relative(pkg.dir, dir) }));
    return [{ path, text: `${JSON.stringify({ ...config, references }, null, 2)}\n` }];
  });
}

/** The folders of the workspace packages that a package depends on. */
export function neededBy({ manifest }: Package, dirOf: ReadonlyMap<string, string>): string[] {
  const { dependencies = {}, peerDependencies = {} } = manifest;
  return Object.keys({ ...dependencies, ...peerDependencies }).flatMap((name) => dirOf.get(name) ?? []);
}
