import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Environment } from "@attnkit/measure/results";

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

/** The origin of a bundle, written into it when it is built. Outside a repository it could not be found out. */
interface Build {
  readonly packages: Record<string, string>;
  readonly frameworks: Record<string, string>;
  readonly commit: string | null;
}

const built = (): Build | undefined =>
  process.env.ATTNKIT_BUILD === undefined ? undefined : (JSON.parse(process.env.ATTNKIT_BUILD) as Build);

/** Returns the versions of tfjs, ONNX Runtime and Dawn, which the catalog pins. */
export function frameworks(): Record<string, string> {
  const known = built()?.frameworks;
  if (known) return known;
  const catalog = createRequire(import.meta.url)("../../../../tools/catalog/package.json") as {
    dependencies: Record<string, string>;
  };
  const names = /^(@tensorflow\/|onnxruntime-(node|web)$|webgpu$)/;
  return Object.fromEntries(Object.entries(catalog.dependencies).filter(([name]) => names.test(name)));
}

/** Returns the versions of the published attnkit packages in use. */
export function packages(): Record<string, string> {
  const known = built()?.packages;
  if (known) return known;
  const require = createRequire(import.meta.url);
  const own = require("../../package.json") as { dependencies: Record<string, string> };
  const versions: Record<string, string> = {};
  for (const name of Object.keys(own.dependencies).filter((n) => n.startsWith("@attnkit/"))) {
    const version = versionOf(require, name);
    if (version !== null) versions[name] = version;
  }
  return versions;
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
