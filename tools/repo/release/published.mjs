import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const root = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * @typedef {object} Published
 * @property {string} name The name on npm.
 * @property {string} dir The folder, relative to the root, with slashes.
 * @property {any} manifest The content of its package.json.
 */

/** Returns every package of the workspace that is published: its package.json does not say `private`.
 * @returns {Published[]}
 */
export function published(/** @type {string} */ from = root) {
  return ["packages", "packages/mechanisms", "packages/backends", "apps", "tools"]
    .flatMap((parent) =>
      (existsSync(join(from, parent)) ? readdirSync(join(from, parent)) : []).map((name) => `${parent}/${name}`),
    )
    .filter((dir) => existsSync(join(from, dir, "package.json")))
    .map((dir) => ({ dir, manifest: JSON.parse(readFileSync(join(from, dir, "package.json"), "utf8")) }))
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ dir, manifest }) => ({ name: manifest.name, dir, manifest }));
}

/** Returns the names of the packages that install without a registry: they need no package of a third party. */
export function withoutThirdParties(/** @type {readonly Published[]} */ packages) {
  const needs = (/** @type {any} */ { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} }) => [
    ...Object.keys(dependencies),
    ...Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional),
  ];
  const ours = (/** @type {Published} */ { manifest }) =>
    needs(manifest).every((name) => packages.some((pkg) => pkg.name === name));
  return packages.filter(ours).map(({ name }) => name);
}
