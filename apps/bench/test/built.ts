import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeAll } from "vitest";

const app = fileURLToPath(new URL("../", import.meta.url));

export interface Program {
  /** The folder of the package. */
  readonly app: string;
  /** The file that Node runs. */
  readonly cli: string;
  /** Runs the program in `cwd`, which is `dir` by default, and waits for its end. */
  run(
    args: readonly string[],
    cwd?: string,
    env?: NodeJS.ProcessEnv,
  ): { status: number | null; stdout: string; stderr: string };
}

/**
 * The command line as a process. Where the built packages are under test it is theirs, else one that is bundled from the
 * sources before the first test, into a folder named `name`.
 */
export function program(dir: string, name: string): Program {
  const built = process.env.ATTNKIT_DIST === "1";
  const out = built ? join(app, "dist") : join(app, "node_modules", name);
  const cli = join(out, "cli.js");
  beforeAll(async () => {
    if (built) return;
    const { dependencies } = JSON.parse(readFileSync(join(app, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    const external = Object.keys(dependencies).filter((name) => !name.startsWith("@attnkit/"));
    await build({
      entryPoints: { cli: join(app, "src/cli.ts"), "peak-child": join(app, "src/measure/peak-child.ts") },
      outdir: out,
      bundle: true,
      splitting: true,
      platform: "node",
      format: "esm",
      conditions: ["@attnkit/source"],
      external,
    });
  }, 60_000);
  const run: Program["run"] = (args, cwd = dir, env = {}) =>
    spawnSync(process.execPath, [cli, ...args], {
      cwd,
      encoding: "utf8",
      env: { ...process.env, INIT_CWD: "", npm_package_json: "", ...env },
    });
  return { app, cli, run };
}
