/** Runs an example as its reader would: each file is a process of Node of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeAll, vi } from "vitest";

// Processes on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

export const examples: string = fileURLToPath(new URL("../../", import.meta.url));

export interface Example {
  /** Runs a file to its end and returns the lines that it printed. Throws an Error with its stderr if it fails. */
  run(file: string, args?: readonly string[]): Promise<string[]>;
  /** Starts a file whose input and output the caller handles. */
  start(file: string, args?: readonly string[], env?: NodeJS.ProcessEnv): ChildProcessWithoutNullStreams;
}

/**
 * The example in the folder `name`. Where the built packages are under test its files run as they are, else as bundles of
 * them and the sources of the packages, made before the first test.
 */
export function example(name: string): Example {
  const folder = join(examples, name);
  const built = process.env.ATTNKIT_DIST === "1";
  const files = built ? folder : join(folder, "node_modules", ".bundled");
  beforeAll(async () => {
    if (built) return;
    await build({
      entryPoints: readdirSync(folder)
        .filter((file) => file.endsWith(".js"))
        .map((file) => join(folder, file)),
      outdir: files,
      bundle: true,
      splitting: true,
      platform: "node",
      format: "esm",
      conditions: ["@attnkit/source"],
      external: ["onnxruntime-node"],
    });
    mkdirSync(files, { recursive: true });
    writeFileSync(join(files, "package.json"), JSON.stringify({ type: "module" }));
  }, 60_000);

  const start: Example["start"] = (file, args = [], env = {}) =>
    spawn(process.execPath, [join(files, file), ...args], { env: { ...process.env, ...env } });
  return {
    start,
    run(file, args) {
      const child = start(file, args);
      let [out, err] = ["", ""];
      child.stdout.on("data", (text) => {
        out += text;
      });
      child.stderr.on("data", (text) => {
        err += text;
      });
      return new Promise((resolve, reject) => {
        child.on("error", reject);
        child.on("close", (code) => {
          if (code === 0) resolve(out.trimEnd().split("\n"));
          else reject(new Error(`${name}/${file} ended with code ${code}: ${err}`));
        });
      });
    },
  };
}
