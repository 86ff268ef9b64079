import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CreateError } from "./error.ts";
import { type Kind, places } from "./kinds.ts";
import type { Names } from "./names.ts";

/** Returns the root of the clone of attnkit that a folder lies in, if it lies in one. */
export function repositoryOf(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (nameIn(at) === "attnkit-monorepo") return at;
    if (dirname(at) === at) return undefined;
  }
}

/** Returns the folder in a clone that a project belongs in. */
export const folderIn = (repository: string, kind: Kind, name: string): string =>
  join(repository, places[kind].folder, name);

/** @throws `CreateError` if a package of the clone has the name already. */
export function refuseTaken(repository: string, name: string): void {
  const parents = ["packages", "packages/mechanisms", "packages/backends", "apps", "tools"];
  for (const parent of parents) {
    const folder = join(repository, parent);
    for (const entry of existsSync(folder) ? readdirSync(folder) : [])
      if (nameIn(join(folder, entry)) === `@attnkit/${name}`)
        throw new CreateError(
          `The name "${name}" cannot be used: ${parent}/${entry} is already the package @attnkit/${name}. Choose another name.`,
        );
  }
}

/** Adds the line of a package to the list of the catalog, in alphabetical order. Returns the path and the line. */
export function addToCatalog(repository: string, kind: Kind, { kebab, camel }: Names): readonly string[] {
  const { list } = places[kind];
  if (list === undefined) return [];
  const path = join(repository, list);
  const line = `export { about as ${camel} } from "@attnkit/${kebab}/about";`;
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  const next = lines.findIndex((other) => other.startsWith("export ") && other > line);
  const all = next < 0 ? [...lines, line] : lines.toSpliced(next, 0, line);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${all.join("\n")}\n`);
  renameSync(temporary, path);
  return [list, line];
}

function nameIn(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name?: string }).name;
  } catch {
    return undefined; // no package.json, or one that is not JSON: no package of ours
  }
}
