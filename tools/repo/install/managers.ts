import { join } from "node:path";
import { installProblems } from "../release/install.mjs";
import { published } from "../release/published.mjs";
import type { Manager } from "./cells.ts";
import { emptyProject, type Setting } from "./setting.ts";

/**
 * Installs the tarballs of all packages, with the third-party packages that they expect beside them. Returns what is wrong
 * with the installation.
 */
export async function managerProblems({ manager, tool, command, files, env, resolutions }: Manager, setting: Setting) {
  const project = emptyProject(join(setting.folder, manager.replace(/\W+/g, "-").toLowerCase()), files);
  const program = tool ? [process.execPath, join(await setting.tool(tool[0]), tool[1]), ...command] : command;
  const named = Object.fromEntries(setting.tarballs.map(({ name, file }) => [name, `file:${file}`]));
  const manifest = resolutions ? { resolutions: named } : {};
  return installProblems(project, program, setting.tarballs, {
    manifest,
    peers: peers(),
    env: { ...registry(), ...env },
  });
}

/** Returns the third-party peers of the packages, at the versions that this repository tests. */
function peers(): string[] {
  const of = published().flatMap(({ manifest: { peerDependencies = {}, devDependencies = {} } }) =>
    Object.keys(peerDependencies)
      .filter((name) => !name.startsWith("@attnkit/"))
      .map((name) => `${name}@${devDependencies[name]}`),
  );
  return [...new Set(of)];
}

/** Yarn 4 does not read npm's configuration. npm and pnpm hand the registry to their children. */
const registry = (): Record<string, string> => {
  const known = process.env.npm_config_registry;
  return known === undefined ? {} : { YARN_NPM_REGISTRY_SERVER: known.replace(/\/$/, "") };
};
