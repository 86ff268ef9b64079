import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Environment } from "../results.ts";

/** This machine and this copy of attnkit, as a record of measurements must name them. */
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

/** What must be equal for timings of two runs to be put into one record. */
export function difference(then: Environment, now: Environment): string | undefined {
  for (const key of ["cpu", "cores", "platform", "arch", "node", "commit"] as const) {
    if (then[key] !== now[key]) return `${key} was ${then[key]} and is ${now[key]}`;
  }
  return undefined;
}

/** Versions of the attnkit packages in use. */
export function packages(): Record<string, string> {
  const require = createRequire(import.meta.url);
  const own = require("../../package.json") as { dependencies: Record<string, string> };
  const versions: Record<string, string> = {};
  const unpublished = ["@attnkit/catalog", "@attnkit/measure"];
  for (const name of Object.keys(own.dependencies).filter(
    (n) => n.startsWith("@attnkit/") && !unpublished.includes(n),
  )) {
    versions[name] = (require(`${name}/package.json`) as { version: string }).version;
  }
  return versions;
}

async function commit(): Promise<string | null> {
  const cwd = fileURLToPath(new URL("../../", import.meta.url));
  const git = async (...args: string[]) => (await promisify(execFile)("git", args, { cwd })).stdout.trim();
  try {
    const head = await git("rev-parse", "HEAD");
    return (await git("status", "--porcelain")) ? `${head}+changes` : head;
  } catch {
    return null;
  }
}
