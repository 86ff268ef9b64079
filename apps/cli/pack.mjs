/**
 * Writes `dist`: the command line of apps/bench in a few files, from the sources, and the files that it reads at run time.
 * The packages that package.json names stay outside. All others are bundled, and `dist/LICENSES.md` has their licences.
 * `pnpm pack` and `pnpm publish` run it. `--to FOLDER` writes into another folder than `dist`.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { externalProblems, testedVersions } from "./pack/externals.mjs";
import { licenses } from "./pack/licenses.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const bench = join(here, "../bench");
const out = resolve(parseArgs({ options: { to: { type: "string", default: join(here, "dist") } } }).values.to);
/** The programs that commands start in processes of their own, by their paths in `src` of apps/bench. */
const children = ["measure/peak-child", "reproduce/child"];

const { dependencies, peerDependencies } = manifestOf(here);
const external = Object.keys({ ...dependencies, ...peerDependencies });

rmSync(out, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: {
    cli: join(here, "main.ts"),
    ...Object.fromEntries(children.map((path) => [basename(path), join(bench, "src", `${path}.ts`)])),
  },
  outdir: out,
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20",
  mainFields: ["module", "main"],
  conditions: ["@attnkit/source"],
  // linkedom draws on a canvas if there is one.
  external: [...external, "canvas"],
  define: { "process.env.ATTNKIT_BUILD": JSON.stringify(JSON.stringify(origin())) },
  // CommonJS packages inside the bundle use these three names.
  banner: {
    js: [
      'import { createRequire as makeRequire } from "node:module";import { fileURLToPath as toPath } from "node:url";',
      'const require = makeRequire(import.meta.url), __filename = toPath(import.meta.url), __dirname = toPath(new URL(".", import.meta.url));',
    ].join(""),
  },
  plugins: [ownPlaces()],
  metafile: true,
  logLevel: "warning",
});
const problems = externalProblems(metafile, { dependencies, peerDependencies }, root);
if (problems.length > 0) throw new Error(problems.join("\n"));

for (const path of children) {
  const file = join(out, "src", `${path}.js`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `import "../../${basename(path)}.js";\n`);
}
writeFileSync(join(out, "LICENSES.md"), licenses(Object.keys(metafile.inputs), root));
writeFileSync(join(out, "text.md"), text());
mkdirSync(join(out, "gpu"));
cpSync(join(bench, "gpu/check_models.py"), join(out, "gpu/check_models.py"));
cpSync(join(bench, "record/papers"), join(out, "record/papers"), {
  recursive: true,
  filter: (path) => !path.endsWith(".md"),
});

/**
 * A module of apps/bench finds its files relative to itself. All modules are bundled into files in `dist`, where each
 * continues to see itself in `src`: `dist/src/reproduce/record.js` finds `dist/record`.
 * @returns {import("esbuild").Plugin}
 */
function ownPlaces() {
  const src = join(bench, "src");
  return {
    name: "own-places",
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!path.startsWith(src)) return undefined;
        const place = `./src/${relative(src, path).replaceAll("\\", "/").replace(/ts$/, "js")}`;
        const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`;
        return { contents: readFileSync(path, "utf8").replaceAll("import.meta.url", url), loader: "ts" };
      }),
  };
}

/** Returns what cannot be found out where the package is installed. `src/build.ts` of apps/bench reads it. */
function origin() {
  const catalog = manifestOf(join(root, "tools/catalog")).dependencies;
  const inside = Object.keys(catalog).filter((name) => name.startsWith("@attnkit/") && !(name in dependencies));
  const published = inside
    .map((name) => manifestOf(join(root, "tools/catalog/node_modules", name)))
    .filter((manifest) => !manifest.private);
  const tested = testedVersions(root);
  const frameworks = /^(@tensorflow\/|onnxruntime-(node|web)$|webgpu$)/;
  const git = (/** @type {string[]} */ ...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  return {
    version: manifestOf(here).version,
    packages: Object.fromEntries(published.map(({ name, version }) => [name, version])),
    beside: Object.keys(dependencies),
    optional: Object.fromEntries(Object.keys(peerDependencies).map((name) => [name, tested.get(name)])),
    frameworks: Object.fromEntries(Object.entries(catalog).filter(([name]) => frameworks.test(name))),
    commit: git("rev-parse", "HEAD") + (git("status", "--porcelain") ? "+changes" : ""),
  };
}

/** Returns the text that is embedded where the user names none: this repository's documentation. */
function text() {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...docs.map((name) => `docs/${name}`)]
    .map((name) => readFileSync(join(root, name), "utf8"))
    .join("");
}

function manifestOf(/** @type {string} */ folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}
