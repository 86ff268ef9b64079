/** What a web page pays: one mechanism, one backend and attention(), bundled, minified and gzipped. Limits in size.json. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const { limit, mechanisms, backends } = JSON.parse(readFileSync(new URL("size.json", import.meta.url), "utf8"));
// The catalog depends on every package, so that from there each of them resolves.
const resolveDir = fileURLToPath(new URL("../catalog", import.meta.url));
let failed = false;

for (const [backend, makeBackend] of Object.entries(backends)) {
  for (const [mechanism, makeMechanism] of Object.entries(mechanisms)) {
    const bytes = await size(
      `export { attention } from "@attnkit/core";
       export { ${makeMechanism} } from "@attnkit/${mechanism}";
       export { ${makeBackend} } from "@attnkit/${backend}";`,
    );
    failed ||= bytes > limit;
    console.log(
      `${bytes > limit ? "FAIL" : "ok  "} ${`${mechanism} + ${backend}`.padEnd(20)} ${bytes} of ${limit} bytes`,
    );
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
