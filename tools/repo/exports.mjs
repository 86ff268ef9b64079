/**
 * Packs every published package as npm would receive it, commands included. publint, "are the types wrong?" and plain Node then
 * check that each tarball can be used. All tarballs are unpacked side by side, so that they find each other as if installed.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { published, root } from "./release/published.mjs";
import { pack, tarballName } from "./release/tarballs.mjs";

/**
 * The resolution modes of CommonJS callers. These ESM packages do not support them, but Node's `require(esm)` works.
 */
const commonjs = ["node10", "node16-cjs"];

const folder = mkdtempSync(join(tmpdir(), "attnkit-exports-"));
const failures = [];
try {
  const all = published();
  pack(
    all.map(({ name }) => name),
    folder,
  );
  const packages = all.map(({ name, manifest }) => unpack(name, tarballName(name, manifest.version)));
  for (const found of packages) {
    const problems = [
      ...(await lint(found)),
      ...(await types(found)),
      ...leftovers(found),
      ...load(found),
      ...start(found),
    ];
    failures.push(...problems);
    console.log(
      `${problems.length === 0 ? "ok  " : "FAIL"} ${found.manifest.name} ${(found.tarball.length / 1000).toFixed(1)} kB`,
    );
    for (const problem of problems) console.log(`       ${problem}`);
  }
  if (packages.length === 0) failures.push("nothing was packed");
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(failures.length === 0 ? 0 : 1);

/** @typedef {{ dir: string, tarball: Buffer, manifest: any }} Packed */

/** @returns {Packed} */
function unpack(/** @type {string} */ name, /** @type {string} */ file) {
  const dir = join(folder, "node_modules", name);
  mkdirSync(dir, { recursive: true });
  // Relative names: the tar of Git for Windows takes the C: of an absolute path for a host.
  const up = relative(dir, join(folder, file)).replaceAll("\\", "/");
  execFileSync("tar", ["-xzf", up, "--strip-components=1"], { cwd: dir });
  const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  for (const name of Object.keys(manifest.dependencies ?? {}))
    if (!name.startsWith("@attnkit/")) install(name, manifest);
  return { dir, tarball: readFileSync(join(folder, file)), manifest };
}

/** Links a third-party dependency to the version in the workspace. */
function install(/** @type {string} */ name, /** @type {any} */ manifest) {
  const place = join(folder, "node_modules", name);
  if (existsSync(place)) return;
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(realpathSync(join(root, manifest.repository.directory, "node_modules", name)), place, "junction");
}

async function lint(/** @type {Packed} */ { tarball, manifest }) {
  const { messages } = await publint({ pack: { tarball: new Uint8Array(tarball).buffer }, strict: true });
  return messages
    .filter((message) => !isTemplate(message))
    .map((message) => `publint: ${formatMessage(message, manifest, { color: false })}`);
}

/** A template's package.json lies deeper only until it is copied: it becomes the root of a project. */
function isTemplate(/** @type {import("publint").Message} */ { code, args }) {
  return code === "NESTED_PACKAGE_JSON_FIELD_IGNORED" && /^(\.\/)?templates\//.test(args.filePath);
}

/** Checks the types of the modules that the package exports. A package of commands alone has none. */
async function types(/** @type {Packed} */ { tarball, manifest }) {
  if (entriesOf(manifest).length === 0) return [];
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
  if (!analysis.types) return ["attw: no types"];
  return analysis.problems
    .filter((problem) => !("resolutionKind" in problem && commonjs.includes(problem.resolutionKind)))
    .map((problem) => `attw: ${JSON.stringify(problem)}`);
}

/** Finds build output without a source: `tsc` does not delete it. A bundle, which has no sources beside it, is written anew. */
function leftovers(/** @type {Packed} */ { dir, manifest }) {
  if (!manifest.files.includes("src")) return [];
  const sources = new Set(readdirSync(join(dir, "src"), { recursive: true }).map(String));
  return readdirSync(join(dir, "dist"), { recursive: true })
    .map(String)
    .filter((path) => path.endsWith(".js") && !sources.has(path.replace(/\.js$/, ".ts")))
    .map((path) => `dist/${path} has no source: delete the dist folder of ${manifest.name} and build again`);
}

/** Returns the entries that are modules; the others are files. */
function entriesOf(/** @type {any} */ { exports: entries }) {
  return Object.keys(entries).filter((entry) => typeof entries[entry] !== "string");
}

/** Imports every entry in a plain Node, outside this repository. */
function load(/** @type {Packed} */ { manifest }) {
  return entriesOf(manifest)
    .filter((entry) => !entry.includes("*"))
    .flatMap((entry) => {
      const specifier = manifest.name + entry.slice(1);
      const code = `import * as all from ${JSON.stringify(specifier)}; if (Object.keys(all).length === 0) throw new Error("exports nothing")`;
      return run(`import "${specifier}"`, ["--input-type=module", "--eval", code]).problems;
    });
}

/** Starts every command in a plain Node, outside this repository. It must print its help. */
function start(/** @type {Packed} */ { dir, manifest }) {
  return Object.entries(manifest.bin ?? {}).flatMap(([name, path]) => {
    const { out, problems } = run(`${name} --help`, [join(dir, path), "--help"]);
    return problems.length === 0 && out.trim() === "" ? [`${name} --help prints nothing`] : problems;
  });
}

/** Runs Node outside this repository. Returns its output, and the reason if it failed. */
function run(/** @type {string} */ what, /** @type {string[]} */ args) {
  try {
    return {
      out: execFileSync(process.execPath, args, { cwd: folder, stdio: "pipe", encoding: "utf8" }),
      problems: [],
    };
  } catch (error) {
    return { out: "", problems: [`${what}: ${/** @type {any} */ (error).stderr}`] };
  }
}
