/**
 * Vitest calls this before the browser tests: it hands them the golden vectors that `ATTNKIT_VECTORS` names, because a page
 * cannot read files. The value is a list of `attnkit-vectors/1` files and of folders of them, separated by commas.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Path and text of each file; none where the variable is not set. */
    vectors: readonly { readonly path: string; readonly text: string }[];
  }
}

export function setup(project: TestProject): void {
  project.provide(
    "vectors",
    vectorPaths().map((path) => ({ path, text: readFileSync(path, "utf8") })),
  );
}

/**
 * Returns the files that `ATTNKIT_VECTORS` names; none if it is not set.
 * @throws Error if it names folders without any file.
 */
export function vectorPaths(): string[] {
  const named = (process.env.ATTNKIT_VECTORS ?? "").split(",").filter((path) => path !== "");
  const paths = named.map((path) => resolve(path)).flatMap(filesOf);
  if (named.length > 0 && paths.length === 0)
    throw new Error(`ATTNKIT_VECTORS: got ${named.join(", ")} without any .json file, expected at least one`);
  return paths;
}

const filesOf = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith(".json"))
        .sort()
        .map((name) => join(path, name))
    : [path];
