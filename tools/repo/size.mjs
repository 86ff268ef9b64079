/**
 * Measures what a web page pays for each package: bundled, minified, gzipped, in bytes. Each package.json declares its
 * limits in `attnkit.size`, by entry: what is imported, and the limit. A mechanism is measured together with `attention()`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const packages = new URL("../../packages/", import.meta.url);
const under = (/** @type {string} */ dir) => readdirSync(new URL(dir, packages)).map((name) => `${dir}/${name}`);
// The catalog depends on every package, so that from there each of them resolves.
const resolveDir = fileURLToPath(new URL("../catalog", import.meta.url));
let failed = false;

for (const dir of ["core", ...under("backends"), ...under("mechanisms")]) {
  const { name, attnkit } = JSON.parse(readFileSync(new URL(`${dir}/package.json`, packages), "utf8"));
  for (const [entry, { import: what, limit }] of Object.entries(attnkit?.size ?? {})) {
    const specifier = name + entry.slice(1);
    const called = dir.startsWith("mechanisms") ? 'export { attention } from "@attnkit/core";' : "";
    const bytes = await size(`${called}export { ${what} } from "${specifier}";`);
    failed ||= bytes > limit;
    const label = `${specifier} ${what}()${called && " + attention()"}`;
    console.log(`${bytes > limit ? "FAIL" : "ok  "} ${label.padEnd(64)} ${bytes} of ${limit} bytes`);
  }
}
process.exit(failed ? 1 : 0);

async function size(/** @type {string} */ contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2023",
    conditions: ["@attnkit/source"],
    write: false,
  });
  return gzipSync(/** @type {any} */ (outputFiles[0]).contents, { level: 9 }).length;
}
