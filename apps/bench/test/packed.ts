import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { manifestOf, type Own, own } from "../src/measure/against/builds.ts";

/** A change of a source file: its path inside a package, and the new text. */
export interface Planted {
  readonly path: RegExp;
  change(source: string): string;
}

/**
 * Builds every package of this repository that the bench uses into `folder/node_modules/@attnkit`, as packing and
 * installing them would lay them out, and returns them. `planted` changes one source file on the way.
 */
export async function packed(folder: string, planted?: Planted): Promise<Own> {
  const { packages, harness } = await own();
  const all = async (from: ReadonlyMap<string, string>) => {
    const to = new Map<string, string>();
    for (const [name, source] of from) to.set(name, await pack(name, source, folder, planted));
    return to;
  };
  return { packages: await all(packages), harness: await all(harness) };
}

async function pack(name: string, source: string, folder: string, planted?: Planted): Promise<string> {
  const to = join(folder, "node_modules", name);
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, "package.json"), readFileSync(join(source, "package.json")));
  symlinkSync(join(source, "node_modules"), join(to, "node_modules"), "junction");
  const { exports = {} } = await manifestOf(source);
  for (const entry of Object.values(exports))
    if (typeof entry === "string") cpSync(join(source, entry), join(to, entry));
  const files = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : [entry.default!]));
  if (name === "@attnkit/bench") files.push("./dist/measure/against/child.js");
  const inOf = (file: string) => join(source, file.replace("./dist/", "src/").replace(/\.js$/, ".ts"));
  const plugins: Plugin[] = planted ? [plugin(planted)] : [];
  await build({
    entryPoints: Object.fromEntries(files.map((file) => [file.slice("./dist/".length, -3), inOf(file)])),
    outdir: join(to, "dist"),
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    logLevel: "error",
    plugins,
  });
  return to;
}

const plugin = ({ path, change }: Planted): Plugin => ({
  name: "planted",
  setup: (b) =>
    b.onLoad({ filter: path }, ({ path: file }) => {
      const [before, after] = [readFileSync(file, "utf8"), change(readFileSync(file, "utf8"))];
      if (before === after) throw new Error(`nothing was changed in ${file}`);
      return { contents: after, loader: "ts" };
    }),
});
