/**
 * Writes what follows from the lines of the catalog's lists and from what packages declare in `src/about.ts`:
 * dependencies of the catalog, tsconfig references, and tables of READMEs. Run it after adding or changing a package.
 */
import { execSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

const { stale } = await load("derived.ts");
const { catalogDependencies, projectReferences } = await load("links.ts");
if (write([catalogDependencies(root)])) execSync("npx --yes pnpm@12 install", { cwd: root, stdio: "inherit" });
write(projectReferences(root));
const { tables } = await load("tables.ts");
write(tables(root));

/** Returns whether a file was written. */
function write(/** @type {{ path: string, text: string }[]} */ files) {
  const changed = stale(root, files);
  for (const { path, text } of changed) {
    writeFileSync(join(root, path), text);
    console.log(`wrote ${path}`);
  }
  return changed.length > 0;
}

/** Node 20 reads no TypeScript, so that each module is bundled first. Third-party packages resolve from the catalog. */
async function load(/** @type {string} */ name) {
  const outfile = join(root, "tools/catalog/node_modules", `.derive-${process.pid}-${name}.mjs`);
  const external = {
    name: "external",
    setup(/** @type {import("esbuild").PluginBuild} */ { onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
        kind === "entry-point" || /^(@attnkit\/|markdown-table$)/.test(path) ? undefined : { path, external: true },
      );
    },
  };
  await build({
    entryPoints: [join(root, "tools/repo/derive", name)],
    ...{ outfile, bundle: true, format: "esm", platform: "node", target: "node20" },
    conditions: ["@attnkit/source"],
    plugins: [external],
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile);
  }
}
