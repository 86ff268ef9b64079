/**
 * Measures what a web page pays for each package: bundled, minified, gzipped, in bytes. Each package.json declares its
 * limits in `attnkit.size`, by entry: what is imported, and the limit. A mechanism is measured together with `attention()`.
 * Files behind `import()` are not counted. Vite, Rollup and webpack load them at their first use: the gradient rules at the
 * first `vjp`, merging at the first merge, reading at the first download of the webgpu backend. esbuild, and every bundler without code splitting, load them with the page.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Complete pages: softmax attention on one backend, without gradients; on a device also with its kernels. */
const PAGES = /** @type {const} */ ([
  ["softmax", "cpu", 13_400],
  ["softmax", "webgpu", 21_400],
  ["softmax/webgpu", "webgpu", 35_300],
]).map(([mechanism, backend, limit]) => ({
  label: `${mechanism} + core + ${backend}, all of it`,
  contents: `export { attention } from "@attnkit/core";
    export { softmax } from "@attnkit/${mechanism}";
    export { ${backend} } from "@attnkit/${backend}";`,
  limit,
}));

const packages = new URL("../../packages/", import.meta.url);
const under = (/** @type {string} */ dir) => readdirSync(new URL(dir, packages)).map((name) => `${dir}/${name}`);
// The catalog depends on every package, so that from there each of them resolves.
const resolveDir = fileURLToPath(new URL("../catalog", import.meta.url));
let failed = false;

/** @type {import("esbuild").Plugin} */
const withoutDynamicImports = {
  name: "without-dynamic-imports",
  setup: ({ onResolve }) =>
    onResolve({ filter: /./ }, ({ kind, path }) => (kind === "dynamic-import" ? { path, external: true } : undefined)),
};

for (const dir of ["core", "wgsl", ...under("backends"), ...under("mechanisms")]) {
  const { name, attnkit } = JSON.parse(readFileSync(new URL(`${dir}/package.json`, packages), "utf8"));
  for (const [entry, { import: what, limit }] of Object.entries(attnkit?.size ?? {})) {
    const specifier = name + entry.slice(1);
    const called = dir.startsWith("mechanisms") ? 'export { attention } from "@attnkit/core";' : "";
    const label = `${specifier} ${what}()${called && " + attention()"}`;
    await hold(label, `${called}export { ${what} } from "${specifier}";`, limit);
  }
}
for (const { label, contents, limit } of PAGES) await hold(label, contents, limit);
process.exit(failed ? 1 : 0);

async function hold(/** @type {string} */ label, /** @type {string} */ contents, /** @type {number} */ limit) {
  const bytes = await size(contents);
  failed ||= bytes > limit;
  console.log(`${bytes > limit ? "FAIL" : "ok  "} ${label.padEnd(64)} ${bytes} of ${limit} bytes`);
}

async function size(/** @type {string} */ contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2023",
    conditions: ["@attnkit/source"],
    write: false,
    plugins: [withoutDynamicImports],
  });
  return gzipSync(/** @type {any} */ (outputFiles[0]).contents, { level: 9 }).length;
}
