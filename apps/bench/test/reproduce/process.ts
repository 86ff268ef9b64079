import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeAll } from "vitest";
import { madeMain } from "./made-program.ts";

const app = fileURLToPath(new URL("../../", import.meta.url));
const out = join(app, "node_modules", ".reproduce-test");

/** Bundles the command with the made experiment, and its child, before the first test. */
export function bundled(): void {
  beforeAll(async () => {
    const { dependencies } = JSON.parse(readFileSync(join(app, "package.json"), "utf8"));
    await build({
      entryPoints: ["made-cli", "made-child"].map((name) => join(app, `test/reproduce/${name}.ts`)),
      ...{ outdir: out, bundle: true, splitting: true, platform: "node", format: "esm", target: "node20" },
      conditions: ["@attnkit/source"],
      external: Object.keys(dependencies).filter((name) => !name.startsWith("@attnkit/")),
    });
  }, 60_000);
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `attnkit reproduce` in `cwd` within this process; its children are processes. */
export async function inProcess(cwd: string, args: readonly string[]): Promise<Ended> {
  let [said, wrong] = ["", ""];
  const io = {
    out(text: string) {
      said += text;
    },
    err(text: string) {
      wrong += text;
    },
    ...{ columns: 0, cwd, signal: new AbortController().signal },
  };
  const code = await madeMain(["reproduce", ...args], io, join(out, "made-child.js"));
  return { code, out: said, err: wrong };
}

/** Runs `attnkit reproduce` in `cwd` as a process. `watch` is told the process as it starts. */
export function attnkit(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
  watch: (child: ChildProcess) => void = () => {},
): Promise<Ended> {
  const child = spawn(process.execPath, [join(out, "made-cli.js"), "reproduce", ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [said, wrong] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    wrong += chunk.toString();
  });
  watch(child);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out: said, err: wrong }));
  });
}
