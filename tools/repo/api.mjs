/**
 * Writes the API report of every entry of every published package: `api/<entry>.api.md` in its folder. With `--check` it
 * compares instead, and fails if the committed reports differ from the built packages. Reads the built declarations.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { apiReports } from "./release/api-report.mjs";
import { published, root } from "./release/published.mjs";

const packages = published();
const reports = apiReports(packages.flatMap(entriesOf));
const changed = reports.filter(({ path, text }) => read(path) !== text).map(({ path }) => path);
const paths = new Set(reports.map(({ path }) => path));
const left = packages.flatMap(({ dir }) => reportsIn(`${dir}/api`)).filter((path) => !paths.has(path));

if (process.argv.includes("--check")) {
  for (const path of changed)
    console.log(`FAIL ${path} ${read(path) === undefined ? "is missing" : "is not the API that was built"}`);
  for (const path of left) console.log(`FAIL ${path} is the report of an entry that does not exist`);
  if (changed.length + left.length > 0) {
    console.log(
      "The public API changed. Run `npx --yes pnpm@12 api`, read the difference, commit it, and add a changeset.",
    );
    process.exit(1);
  }
  console.log(`ok   ${reports.length} API reports of ${packages.length} packages`);
} else {
  for (const { path, text } of reports.filter((report) => changed.includes(report.path))) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(`wrote ${path}`);
  }
  for (const path of left) {
    rmSync(join(root, path));
    console.log(`removed ${path}`);
  }
}

/** Returns the entries of a package that have types; `./package.json` has none. */
function entriesOf(/** @type {import("./release/published.mjs").Published} */ { dir, manifest }) {
  const packageFolder = join(root, dir);
  return Object.entries(manifest.exports ?? {}).flatMap(([entry, conditions]) =>
    typeof conditions === "string"
      ? []
      : [
          {
            packageFolder,
            types: join(packageFolder, conditions.types),
            path: `${dir}/api/${entry === "." ? "index" : entry.slice(2).replaceAll("/", "-")}.api.md`,
          },
        ],
  );
}

function read(/** @type {string} */ path) {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined;
}

function reportsIn(/** @type {string} */ folder) {
  return existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`) : [];
}
