/**
 * Packs every published package as npm would receive it. publint, "are the types wrong?" and plain Node then check that
 * each tarball can be used. All tarballs are unpacked side by side, so that they find each other as if installed.
 */
import { execFileSync, execSync } from "node:child_process";
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
import { dirname, join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

/**
 * The resolution modes of CommonJS callers. These ESM packages do not support them, but Node's `require(esm)` works.
 */
const commonjs = ["node10", "node16-cjs"];

const folder = mkdtempSync(join(tmpdir(), "attnkit-exports-"));
const failures = [];
try {
  execSync(`pnpm --recursive --filter "./packages/**" pack --pack-destination "${folder}"`, { stdio: "pipe" });
  const packages = readdirSync(folder)
    .filter((file) => file.endsWith(".tgz"))
    .map(unpack);
  for (const found of packages) {
    const problems = [...(await lint(found)), ...(await types(found)), ...leftovers(found), ...load(found)];
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
function unpack(/** @type {string} */ file) {
  const dir = join(folder, "node_modules", file.replace(/^attnkit-(.+)-\d+\.\d+\.\d+.*$/, "@attnkit/$1"));
  mkdirSync(dir, { recursive: true });
  // Relative names: the tar of Git for Windows takes the C: of an absolute path for a host.
  execFileSync("tar", ["-xzf", `../../../${file}`, "--strip-components=1"], { cwd: dir });
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
  symlinkSync(realpathSync(join(manifest.repository.directory, "node_modules", name)), place, "junction");
}

async function lint(/** @type {Packed} */ { tarball, manifest }) {
  const { messages } = await publint({ pack: { tarball: new Uint8Array(tarball).buffer }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, manifest, { color: false })}`);
}

async function types(/** @type {Packed} */ { tarball }) {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
  if (!analysis.types) return ["attw: no types"];
  return analysis.problems
    .filter((problem) => !("resolutionKind" in problem && commonjs.includes(problem.resolutionKind)))
    .map((problem) => `attw: ${JSON.stringify(problem)}`);
}

/** Finds build output without a source: `tsc` does not delete it. */
function leftovers(/** @type {Packed} */ { dir, manifest }) {
  const sources = new Set(readdirSync(join(dir, "src"), { recursive: true }).map(String));
  return readdirSync(join(dir, "dist"), { recursive: true })
    .map(String)
    .filter((path) => path.endsWith(".js") && !sources.has(path.replace(/\.js$/, ".ts")))
    .map((path) => `dist/${path} has no source: delete the dist folder of ${manifest.name} and build again`);
}

/** Imports every entry in a plain Node, outside this repository. */
function load(/** @type {Packed} */ { manifest }) {
  const { exports: entries } = manifest;
  return Object.keys(entries)
    .filter((entry) => typeof entries[entry] !== "string" && !entry.includes("*"))
    .flatMap((entry) => {
      const specifier = manifest.name + entry.slice(1);
      const code = `import * as all from ${JSON.stringify(specifier)}; if (Object.keys(all).length === 0) throw new Error("exports nothing")`;
      try {
        execFileSync(process.execPath, ["--input-type=module", "--eval", code], { cwd: folder, stdio: "pipe" });
        return [];
      } catch (error) {
        return [`import "${specifier}": ${/** @type {any} */ (error).stderr}`];
      }
    });
}
