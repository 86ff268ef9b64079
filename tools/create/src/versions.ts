import { readFileSync } from "node:fs";

const own = new URL("../package.json", import.meta.url);

type Ranges = Readonly<Record<string, string>>;
interface Manifest {
  readonly version?: string;
  readonly devDependencies?: Ranges;
}

const read = (url: URL): Manifest => JSON.parse(readFileSync(url, "utf8")) as Manifest;

/**
 * Returns the range of a package that generated projects depend on. The devDependencies of create-attnkit are the one list:
 * its templates are type-checked with these versions.
 */
export function rangeOf(name: string): string {
  const range = read(own).devDependencies?.[name];
  if (range === undefined) throw new Error(`create-attnkit has no version of ${name} among its devDependencies`);
  // Publishing replaces these ranges by versions. In a clone, the linked package knows its own.
  return range.startsWith("workspace:")
    ? `^${read(new URL(`../node_modules/${name}/package.json`, import.meta.url)).version}`
    : range;
}

const FIELDS = ["dependencies", "devDependencies", "peerDependencies"] as const;

/** Returns the text of a template's package.json with a range for each dependency whose range is empty. */
export function withRanges(text: string, inside: boolean): string {
  const manifest = JSON.parse(text) as Record<string, unknown>;
  for (const field of FIELDS) {
    const ranges = manifest[field] as Record<string, string> | undefined;
    for (const [name, range] of Object.entries(ranges ?? {}))
      if (range === "") ranges![name] = inside && name.startsWith("@attnkit/") ? "workspace:*" : rangeOf(name);
  }
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
