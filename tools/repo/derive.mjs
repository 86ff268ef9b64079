/**
 * Writes what follows from the lines of the catalog's lists and from what packages declare in `src/about.ts`:
 * dependencies of the catalog, tsconfig references, and tables of READMEs; the picture of docs/architecture.md from the
 * imports; docs/papers.md and docs/benchmarks.md from the records. Run it after adding or changing a package, and after making a record.
 */
import { execSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

const { stale } = await load("derived.ts");
const { catalogDependencies, projectReferences } = await load("links.ts");
if (write([catalogDependencies(root)])) execSync("npx --yes pnpm@12 install", { cwd: root, stdio: "inherit" });
write(projectReferences(root));
const { tables } = await load("tables.ts");
write(tables(root));
const { architecture } = await load("architecture.ts");
write(architecture(root));
const { support } = await load("support.ts");
write([support(root)]);
const { papers } = await load("papers.ts");
const { benchmarksPage } = await load("benchmarks.ts");
for (const [folder, page] of [
  ["docs/papers", papers(root)],
  ["docs/benchmarks", benchmarksPage(root)],
]) {
  write(page);
  removeOthers(folder, page);
}

/** Returns whether a file was written. */
function write(/** @type {{ path: string, text: string }[]} */ files) {
  const changed = stale(root, files);
  for (const { path, text } of changed) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(`wrote ${path}`);
  }
  return changed.length > 0;
}

/** Removes the files of a folder that holds derived files alone. */
function removeOthers(/** @type {string} */ folder, /** @type {{ path: string }[]} */ files) {
  for (const name of existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []) {
    if (files.some(({ path }) => path === `${folder}/${name}`)) continue;
    rmSync(join(root, folder, name));
    console.log(`removed ${folder}/${name}`);
  }
}

/** Node 20 reads no TypeScript, so that each module is bundled first. Third-party packages resolve from their importer. */
async function load(/** @type {string} */ name) {
  const outfile = join(root, "tools/catalog/node_modules", `.derive-${process.pid}-${name}.mjs`);
  const external = {
    name: "external",
    setup(/** @type {import("esbuild").PluginBuild} */ { onResolve, resolve }) {
      onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
        if (kind === "entry-point" || pluginData === "asked" || /^(@attnkit\/|node:|markdown-table$)/.test(path))
          return;
        const found = await resolve(path, { kind, resolveDir, pluginData: "asked" });
        if (found.errors.length > 0) return { errors: found.errors };
        return { path: isAbsolute(found.path) ? pathToFileURL(found.path).href : found.path, external: true };
      });
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
