/**
 * Measures the size of each package in a web page: bundled, minified and gzipped, in bytes. The limits are in
 * size.json.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const rows = JSON.parse(readFileSync(new URL("size.json", import.meta.url), "utf8"));
// The catalog depends on every package, so all of them can be resolved from there.
const resolveDir = fileURLToPath(new URL("../catalog", import.meta.url));
let failed = false;

for (const [name, { import: imports, limit }] of Object.entries(rows)) {
  const lines = Object.entries(imports).map(
    ([from, what]) => `export ${what === "*" ? what : `{ ${what} }`} from "${from}";`,
  );
  const bytes = await size(lines.join("\n"));
  failed ||= bytes > limit;
  console.log(`${bytes > limit ? "FAIL" : "ok  "} ${name.padEnd(36)} ${bytes} of ${limit} bytes`);
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
