import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";

/**
 * Compares the imports that a bundle leaves with package.json. Returns one sentence per difference: a package that is
 * missing there, an optional package that is loaded at once, a dependency that nothing imports, and a version that is not
 * the one that this repository tests.
 * @returns {string[]}
 */
export function externalProblems(
  /** @type {import("esbuild").Metafile} */ metafile,
  /** @type {{ dependencies: Record<string, string>, peerDependencies: Record<string, string> }} */ manifest,
  /** @type {string} */ root,
) {
  const { dependencies, peerDependencies } = manifest;
  const left = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .filter(({ external, path }) => external && path !== "canvas");
  const named = left.map(({ path, kind }) => ({ name: packageOf(path), kind })).filter(({ name }) => !isBuiltin(name));
  const used = new Set(named.map(({ name }) => name));
  const tested = testedVersions(root);
  return [
    ...new Set([
      ...[...used]
        .filter((name) => !(name in dependencies) && !(name in peerDependencies))
        .map((name) => `@attnkit/cli imports ${name}, which its package.json does not name`),
      ...named
        .filter(({ name, kind }) => name in peerDependencies && kind === "import-statement")
        .map(({ name }) => `@attnkit/cli imports ${name} at once, and it is optional`),
      ...Object.keys(dependencies)
        .filter((name) => !used.has(name))
        .map((name) => `@attnkit/cli depends on ${name} and does not import it`),
      ...Object.entries(peerDependencies)
        .filter(([name, version]) => tested.get(name) !== version)
        .map(([name, version]) => `@attnkit/cli names ${name} ${version}; its tools have ${tested.get(name)}`),
    ]),
  ];
}

/** Returns the versions of the third-party packages that the private packages depend on. */
function testedVersions(/** @type {string} */ root) {
  const all = ["apps/bench", ...readdirSync(join(root, "tools")).map((name) => `tools/${name}`)]
    .map((folder) => join(root, folder, "package.json"))
    .filter((path) => existsSync(path))
    .flatMap((path) => Object.entries(JSON.parse(readFileSync(path, "utf8")).dependencies ?? {}));
  return new Map(/** @type {[string, string][]} */ (all));
}

/** Returns the package of a specifier: `@scope/name/entry` is of `@scope/name`. */
function packageOf(/** @type {string} */ specifier) {
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
}
