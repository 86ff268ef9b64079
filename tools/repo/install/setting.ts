import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { published, root, withoutThirdParties } from "../release/published.mjs";
import { packTogether } from "../release/tarballs.mjs";
import type { Tool } from "./cells.ts";
import { consumers } from "./consumers.ts";

/** A temporary folder with the tarballs, a project that has installed them, and the tools that were fetched. */
export interface Setting {
  readonly folder: string;
  readonly tarballs: readonly { readonly name: string; readonly file: string }[];
  /** The absolute path of the project. It has every package that needs no third party, and all {@link consumers}. */
  readonly project: string;
  /** Returns the folder of an npm package. It is installed first, without its scripts, if it has a version. */
  tool(tool: Tool): Promise<string>;
}

/** Builds and packs the packages, and installs them with npm, without a registry, in an empty project. */
export async function settingIn(folder: string): Promise<Setting> {
  await run("npx", ["--yes", "pnpm@12", "build"], { cwd: root });
  const tarballs = packTogether(join(folder, "tarballs"));
  const alone = withoutThirdParties(published());
  const project = emptyProject(join(folder, "project"), consumers);
  const files = tarballs.filter(({ name }) => alone.includes(name)).map(({ file }) => file);
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", ...files], { cwd: project });
  const fetched = new Map<Tool, Promise<string>>();
  const tool = (name: Tool) => {
    const known = fetched.get(name) ?? toolIn(folder, name);
    fetched.set(name, known);
    return known;
  };
  return { folder, tarballs, project, tool };
}

/** Makes the folder of a project with a package.json and other files. Returns its path. */
export function emptyProject(path: string, files: Readonly<Record<string, string>> = {}): string {
  mkdirSync(path, { recursive: true });
  const manifest = { name: "project", version: "1.0.0", private: true, type: "module" };
  for (const [name, text] of Object.entries({ "package.json": JSON.stringify(manifest), ...files }))
    writeFileSync(join(path, name), text);
  return path;
}

/** Runs a program and returns what it printed. Throws an Error with all its output if it fails. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<string> {
  // npm and npx are .cmd files on Windows, which only a shell starts.
  const shell = process.platform === "win32" && !program.includes("node");
  try {
    const options = { cwd, shell, encoding: "utf8" as const, maxBuffer: 1 << 26, env: { ...outside(), ...env } };
    return (await promisify(execFile)(program, [...args], options)).stdout;
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string };
    throw new Error(`${program} ${args.join(" ")} failed in ${cwd}:\n${stdout}${stderr}${stderr ? "" : message}`);
  }
}

/** The environment of a user: without what Vitest and pnpm tell their children. */
function outside(): NodeJS.ProcessEnv {
  const inherited =
    /^(npm_(lifecycle|package|command|execpath|node_execpath|config_(verify|local_prefix))|NODE_ENV$|VITE)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !inherited.test(name)));
}

async function toolIn(folder: string, tool: Tool): Promise<string> {
  const name = tool.replace(/(?<=.)@.*$/, "");
  if (name === tool) return dirname(createRequire(join(root, "package.json")).resolve(`${name}/package.json`));
  const at = emptyProject(join(folder, "tools", tool.replaceAll("/", "-")));
  await run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", tool], { cwd: at });
  const path = join(at, "node_modules", name);
  const version = JSON.parse(readFileSync(join(path, "package.json"), "utf8")).version.replace(/^v/, "");
  if (!tool.endsWith(`@${version}`)) throw new Error(`npm installed ${name} ${version} for ${tool}`);
  return path;
}
