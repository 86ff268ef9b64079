/**
 * Makes .gpu/, which records a GPU on a Linux x64 machine with a GPU and its driver, but without Node and network. It
 * contains Node, Dawn, ONNX Runtime, Vulkan's loader, exported models and the program in one file. On that machine: `bash .gpu/run.sh`.
 * With `--smoke`, the bundle is then unpacked elsewhere and run on the software driver, in sizes that take seconds.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../..");
const out = join(root, ".gpu");
const catalog = createRequire(join(root, "tools/catalog/package.json"));
if (process.platform !== "linux" || process.arch !== "x64")
  throw new Error("pack.mjs runs only on Linux x64, because it packs native files for Linux x64");

rmSync(join(out, "lib"), { recursive: true, force: true });
mkdirSync(join(out, "lib"), { recursive: true });
const origin = originOf();
await program(join(here, "main.ts"), join(out, "main.mjs"));
await models();
modules();
libraries();
copyFileSync(join(here, "run.sh"), join(out, "run.sh"));
chmodSync(join(out, "run.sh"), 0o755);
writeFileSync(join(out, "text.md"), text());
once("node.xz", process.version, (to) => sh("bash", "-c", 'xz -T0 -2 -c "$0" > "$1"', process.execPath, to));
console.log(sh("du", "-sh", out).trim());
if (process.argv.includes("--smoke")) smoke();

/** Runs `make` unless the file was made from the same version before: compressing is most of the work. */
function once(/** @type {string} */ name, /** @type {string} */ version, /** @type {(to: string) => void} */ make) {
  const [to, of] = [join(out, name), join(out, `${name}.version`)];
  if (existsSync(of) && readFileSync(of, "utf8") === version) return;
  make(to);
  writeFileSync(of, version);
}

function sh(/** @type {string} */ command, /** @type {string[]} */ ...args) {
  return execFileSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 28, stdio: ["ignore", "pipe", "inherit"] });
}

/**
 * Returns the versions and the commit. They are written into the program, because there is no repository where it runs.
 */
function originOf() {
  const versions = (/** @type {RegExp} */ names, /** @type {Record<string, string>} */ all) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => names.test(name)));
  const manifest = (/** @type {string} */ path) => JSON.parse(readFileSync(join(root, path), "utf8"));
  const { dependencies } = manifest("tools/catalog/package.json");
  const own = versions(/^@attnkit\/(?!software-gpu)/, dependencies);
  const commit = sh("git", "-C", root, "rev-parse", "HEAD").trim();
  const changes = sh("git", "-C", root, "status", "--porcelain").trim() ? "+changes" : "";
  return {
    packages: Object.fromEntries(Object.keys(own).map((name) => [name, catalog(`${name}/package.json`).version])),
    frameworks: versions(/^(@tensorflow\/|onnxruntime-node$|webgpu$)/, dependencies),
    commit: commit + changes,
  };
}

async function program(/** @type {string} */ entry, /** @type {string} */ outfile) {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    mainFields: ["module", "main"],
    conditions: ["@attnkit/source"],
    external: ["webgpu", "onnxruntime-node", "onnxruntime-web", "onnxruntime-web/*", "canvas"],
    define: { "process.env.ATTNKIT_BUILD": JSON.stringify(JSON.stringify(origin)) },
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module";const require = makeRequire(import.meta.url);',
    },
    logLevel: "warning",
  });
}

/** Exports the models that the record checks with Python, with their inputs and expected outputs, and adds the script. */
async function models() {
  const folder = join(out, "models");
  const script = join(out, "models.mjs");
  rmSync(folder, { recursive: true, force: true });
  await program(join(here, "models.ts"), script);
  sh(process.execPath, script, folder);
  rmSync(script);
  copyFileSync(join(here, "check_models.py"), join(folder, "check_models.py"));
}

/** Packs the files of each native package that Linux x64 needs. */
function modules() {
  const stage = mkdtempSync(join(tmpdir(), "attnkit-gpu-"));
  const folderOf = (/** @type {string} */ name) => join(root, "tools/catalog/node_modules", name);
  const take = (/** @type {string} */ name, /** @type {string[]} */ ...parts) => {
    for (const part of ["package.json", ...parts])
      cpSync(join(folderOf(name), part), join(stage, "node_modules", name, part), {
        recursive: true,
        dereference: true,
      });
  };
  take("webgpu", "index.js", "dist/linux-x64");
  take("onnxruntime-common", "dist");
  const abi = readdirSync(join(folderOf("onnxruntime-node"), "bin"))[0] ?? "";
  take("onnxruntime-node", "dist", `bin/${abi}/linux/x64`);
  once("modules.tar.xz", JSON.stringify(origin.frameworks), (to) => sh("tar", "-C", stage, "-cJf", to, "node_modules"));
  rmSync(stage, { recursive: true });
}

/**
 * Copies Vulkan's loader from an npm package, and the dispatch libraries that NVIDIA's driver needs, if apt has them.
 */
function libraries() {
  copyFileSync(join(softwareFolder(), "libvulkan.so.1"), join(out, "lib/libvulkan.so.1"));
  const stage = mkdtempSync(join(tmpdir(), "attnkit-deb-"));
  const wanted = "libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2";
  try {
    const script = `cd "$0" && apt-get download ${wanted} >/dev/null 2>&1 && for d in *.deb; do dpkg -x "$d" .; done`;
    sh("bash", "-c", `${script} && cp -P usr/lib/x86_64-linux-gnu/*.so* "$1"`, stage, join(out, "lib"));
  } catch {
    console.log(
      `not packed, because apt does not have them here: ${wanted}. A machine whose driver needs them must have them installed`,
    );
  }
  rmSync(stage, { recursive: true });
}

function softwareFolder() {
  const url = new URL("../../../tools/software-gpu/src/unpack.ts", import.meta.url);
  const code = `import { unpacked } from ${JSON.stringify(url.href)}; process.stdout.write(unpacked());`;
  // esbuild compiles it, because Node 20 does not read TypeScript.
  const script = join(out, "unpack.mjs");
  sh(join(root, "node_modules/.bin/esbuild"), fileURLToPath(url), "--format=esm", `--outfile=${script}`);
  writeFileSync(script, readFileSync(script, "utf8").replaceAll("import.meta.url", JSON.stringify(url.href)));
  const folder = sh(process.execPath, "--input-type=module", "-e", code.replace(url.href, `file://${script}`));
  rmSync(script);
  return folder;
}

/** Returns the text to embed: this repository's documentation. */
function text() {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...docs.map((name) => `docs/${name}`)]
    .map((name) => readFileSync(join(root, name), "utf8"))
    .join("");
}

function smoke() {
  const folder = mkdtempSync(join(tmpdir(), "attnkit-gpu-smoke-"));
  const driver = join(softwareFolder(), "vk_swiftshader_icd.json");
  const env = {
    ...{ PATH: "/usr/bin:/bin", HOME: folder, ATTNKIT_GPU_DIR: join(folder, "unpacked") },
    ...{ VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver },
  };
  execFileSync("bash", [join(out, "run.sh"), "--smoke", "--out", folder], { cwd: folder, env, stdio: "inherit" });
  const file = readdirSync(folder).find((name) => name.endsWith(".json")) ?? "";
  const record = JSON.parse(readFileSync(join(folder, file), "utf8"));
  rmSync(folder, { recursive: true });
  const checked = record.groups.every((/** @type {{ cells: { status: string }[] }} */ { cells }) =>
    cells.some(({ status }) => status === "ok"),
  );
  if (!record.complete || record.groups.length < 4 || !checked) throw new Error("the record is not complete");
  if (record.onnx === null) throw new Error("the record does not say what Python found");
  console.log(record.onnx.says);
  console.log("the bundle runs; on a machine with a GPU: bash .gpu/run.sh");
}
