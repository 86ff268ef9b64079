import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Environment } from "@attnkit/measure/results";
import { built } from "../build.ts";

/** Returns the facts about this machine and this copy of attnkit that a record of measurements must state. */
export async function environment(): Promise<Environment> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memory: totalmem(),
    platform: process.platform,
    arch: process.arch,
    node: process.versions.node,
    v8: process.versions.v8,
    packages: packages(),
    commit: await commit(),
  };
}

/** Returns the first difference that forbids timings of two runs in one record, or undefined. */
export function difference(then: Environment, now: Environment): string | undefined {
  for (const key of ["cpu", "cores", "platform", "arch", "node", "commit"] as const) {
    if (then[key] !== now[key]) return `${key} was ${then[key]} and is ${now[key]}`;
  }
  return undefined;
}

/**
 * Returns the versions of tfjs, ONNX Runtime and Dawn: those that the catalog pins, or those that are installed beside a bundle
 * without them.
 */
export function frameworks(): Record<string, string> {
  const bundle = built();
  if (bundle?.optional) return installed(Object.keys(bundle.frameworks).filter((name) => name in bundle.optional!));
  if (bundle) return { ...bundle.frameworks };
  const catalog = createRequire(import.meta.url)("../../../../tools/catalog/package.json") as {
    dependencies: Record<string, string>;
  };
  const names = /^(@tensorflow\/|onnxruntime-(node|web)$|webgpu$)/;
  return Object.fromEntries(Object.entries(catalog.dependencies).filter(([name]) => names.test(name)));
}

/** Returns the versions of those packages that are found from here. Not all of them export their package.json. */
export function installed(names: readonly string[], from: string = import.meta.url): Record<string, string> {
  const { resolve } = createRequire(from);
  const versions = names.flatMap((name) => {
    const file = resolve
      .paths(name)!
      .map((folder) => join(folder, name, "package.json"))
      .find(existsSync);
    return file === undefined ? [] : [[name, (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version]];
  });
  return Object.fromEntries(versions);
}

/** Returns the version of `@attnkit/cli`: that of the bundle, or that of the clone. */
export function ownVersion(): string {
  const from = createRequire(import.meta.url);
  return built()?.version ?? (from("../../../cli/package.json") as { version: string }).version;
}

/** Returns the versions of the published attnkit packages in use. */
export function packages(): Record<string, string> {
  const bundle = built();
  const require = createRequire(import.meta.url);
  const versions: Record<string, string> = { ...bundle?.packages };
  for (const name of bundle ? (bundle.beside ?? []) : ownDependencies(require)) {
    const version = versionOf(require, name);
    if (version !== null) versions[name] = version;
  }
  return versions;
}

function ownDependencies(require: NodeJS.Require): string[] {
  const own = require("../../package.json") as { dependencies: Record<string, string> };
  return Object.keys(own.dependencies).filter((name) => name.startsWith("@attnkit/"));
}

/** Returns a package's version, or null for a private package: those do not export their package.json. */
function versionOf(require: NodeJS.Require, name: string): string | null {
  try {
    return (require(`${name}/package.json`) as { version: string }).version;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_PACKAGE_PATH_NOT_EXPORTED") return null;
    throw error;
  }
}

async function commit(): Promise<string | null> {
  const known = built();
  if (known) return known.commit;
  const cwd = fileURLToPath(new URL("../../", import.meta.url));
  const git = async (...args: string[]) => (await promisify(execFile)("git", args, { cwd })).stdout.trim();
  try {
    const head = await git("rev-parse", "HEAD");
    return (await git("status", "--porcelain")) ? `${head}+changes` : head;
  } catch {
    return null;
  }
}
