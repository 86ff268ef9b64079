import { existsSync } from "node:fs";
import { cp, mkdir, realpath, symlink } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { manifestOf, type Own, type Packages } from "./builds.ts";

/** Files of a package that are needed to run it. */
const NEEDED = ["package.json", "dist"];

/**
 * Copies a build and the programs that measure it into `folder/node_modules`, so that the modules of two builds cannot
 * mix and a later build of either changes nothing. Both builds get copies of the same measuring programs, and the same
 * frameworks, those of this program: only attnkit differs. Returns the script that measures.
 */
export async function stage(folder: string, build: Packages, { packages, harness }: Own): Promise<string> {
  const modules = join(folder, "node_modules");
  const used = new Map([...packages.keys()].map((name) => [name, build.get(name)!]));
  for (const [name, from] of [...used, ...harness]) await copy(from, join(modules, name));
  const homes = [...packages.values(), ...harness.values(), ...used.values()];
  for (const from of [...used.values(), ...harness.values()]) {
    const { dependencies, peerDependencies } = await manifestOf(from);
    for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
      const found = homes.map((home) => join(home, "node_modules", name)).find((path) => existsSync(path));
      const link = join(modules, name);
      // An optional framework need not be there. A missing one is named by Node when it is imported.
      if (!found || existsSync(link)) continue;
      await mkdir(dirname(link), { recursive: true });
      await symlink(await realpath(found), link, "junction");
    }
  }
  return join(modules, "@attnkit/bench/dist/measure/against/child.js");
}

/** Copies what a package needs to run. */
const copy = (from: string, to: string): Promise<void> =>
  cp(from, to, {
    recursive: true,
    filter: (path) => {
      const [first = ""] = relative(from, path).split(sep);
      return first === "" || (NEEDED.includes(first) && !basename(path).endsWith(".map"));
    },
  });
