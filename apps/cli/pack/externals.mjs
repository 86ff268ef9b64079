import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";

/**
 * Compares the imports that a bundle leaves with package.json. Returns one sentence per difference: a package that is
 * missing there, an optional package that is loaded at once, a dependency that nothing imports, and a range of an optional
 * package that is not as `rangeOf` has it.
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
        .filter(([name, range]) => range !== rangeOf(name, tested, root))
        .map(([name, range]) => `@attnkit/cli names ${name} ${range}; expected ${rangeOf(name, tested, root)}`),
    ]),
  ];
}

/** The backends that take a tensor library from their callers, and the peer whose range holds for the packages of that library. */
const BACKENDS = [
  { of: /^onnxruntime-/, folder: "packages/backends/onnx", peer: "onnxruntime-common" },
  { of: /^@tensorflow\//, folder: "packages/backends/tfjs", peer: "@tensorflow/tfjs-core" },
];

/**
 * Returns the range of an optional package: that of the published backend whose code the bundle holds, or else every version that
 * is compatible with the tested one. Undefined if none is tested.
 */
function rangeOf(
  /** @type {string} */ name,
  /** @type {ReadonlyMap<string, string>} */ tested,
  /** @type {string} */ root,
) {
  const backend = BACKENDS.find(({ of }) => of.test(name));
  const version = tested.get(name);
  if (backend === undefined || version === undefined) return version && `^${version}`;
  return JSON.parse(readFileSync(join(root, backend.folder, "package.json"), "utf8")).peerDependencies[backend.peer];
}

/** Returns the versions of the third-party packages that the private packages depend on. */
export function testedVersions(/** @type {string} */ root) {
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
