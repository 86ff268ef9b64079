import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** @typedef {{ name: string, file: string }} Tarball */

/**
 * Installs tarballs, and `peers` of them from a registry, into a new empty project, and imports each package there. Each
 * package must find the same copies of its attnkit dependencies as the project.
 * @returns {Promise<string[]>} One sentence per problem.
 */
export async function installProblems(
  /** @type {string} */ project,
  /** @type {readonly string[]} */ [program, ...args],
  /** @type {readonly Tarball[]} */ tarballs,
  /** @type {{ manifest?: object, peers?: readonly string[], env?: Readonly<Record<string, string>> }} */ {
    manifest = {},
    peers = [],
    env = {},
  } = {},
) {
  mkdirSync(project, { recursive: true });
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "project", private: true, type: "module", ...manifest }),
  );
  try {
    execFileSync(/** @type {string} */ (program), [...args, ...tarballs.map(({ file }) => file), ...peers], {
      ...{ cwd: project, stdio: "pipe", encoding: "utf8", env: { ...process.env, ...env } },
      shell: process.platform === "win32",
    });
  } catch (error) {
    const { stdout, stderr } = /** @type {{ stdout: string, stderr: string }} */ (error);
    return [`${program} failed: ${stdout}${stderr}`];
  }
  return (await Promise.all(tarballs.map(({ name }) => problemsOf(project, name)))).flat();
}

async function problemsOf(/** @type {string} */ project, /** @type {string} */ name) {
  const manifestOf = (/** @type {string} */ from, /** @type {string} */ of) =>
    realpathSync(createRequire(join(from, "package.json")).resolve(`${of}/package.json`));
  const path = manifestOf(project, name);
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  const needed = Object.keys(manifest.dependencies ?? {}).filter((of) => of.startsWith("@attnkit/"));
  // A package that is only a command has no main entry.
  const main = manifest.exports["."] !== undefined;
  const entry = () => pathToFileURL(createRequire(join(project, "package.json")).resolve(name)).href;
  const exported = main ? await import(entry()) : undefined;
  return [
    ...needed
      .filter((of) => manifestOf(join(path, ".."), of) !== manifestOf(project, of))
      .map((of) => `${name} has its own copy of ${of}`),
    ...(JSON.stringify(manifest).includes('"workspace:')
      ? [`${name} has a workspace: range, which no registry knows`]
      : []),
    ...(main && Object.keys(exported).length === 0 ? [`${name} exports nothing`] : []),
  ];
}
