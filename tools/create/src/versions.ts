import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CreateError } from "./error.ts";

const own = new URL("../package.json", import.meta.url);

type Ranges = Readonly<Record<string, string>>;
interface Manifest {
  readonly version: string;
  readonly devDependencies?: Ranges;
}

const read = (url: URL): Manifest => JSON.parse(readFileSync(url, "utf8")) as Manifest;

/** Returns the version of create-attnkit. */
export const version = (): string => read(own).version;

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

/** Where a project gets attnkit from. */
export interface Origin {
  /** The project is a package of a clone of attnkit. */
  readonly inside: boolean;
  /** The absolute path of a folder with tarballs of attnkit. Default: the registry. */
  readonly tarballs?: string | undefined;
}

/** Returns the text of a template's package.json with a range for each dependency whose range is empty. */
export function withRanges(text: string, { inside, tarballs }: Origin): string {
  const manifest = JSON.parse(text) as Record<string, unknown>;
  for (const field of FIELDS) {
    const ranges = manifest[field] as Record<string, string> | undefined;
    for (const [name, range] of Object.entries(ranges ?? {}))
      if (range === "") {
        const ours = name.startsWith("@attnkit/");
        if (ours && inside) ranges![name] = "workspace:*";
        // Users of a package have their own attnkit, so that its peers stay ranges.
        else if (ours && tarballs !== undefined && field !== "peerDependencies")
          ranges![name] = tarball(tarballs, name);
        else ranges![name] = rangeOf(name);
      }
  }
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** @throws `CreateError` unless the folder has one tarball of the package. */
function tarball(folder: string, name: string): string {
  const start = `${name.slice(1).replace("/", "-")}-`;
  const found = readdirSync(folder).filter(
    (file) => file.startsWith(start) && /^\d.*\.tgz$/.test(file.slice(start.length)),
  );
  if (found.length === 1) return `file:${join(folder, found[0]!).replaceAll("\\", "/")}`;
  throw new CreateError(
    `The folder ${folder} has ${found.length} tarballs of ${name}; expected one. "npx --yes pnpm@12 pack:all --to ${folder}", in a clone of attnkit, writes them.`,
  );
}
