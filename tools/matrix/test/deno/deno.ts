import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { adapterEnvironment } from "@attnkit/catalog/dawn";
import { build, type StdinOptions } from "esbuild";

const folder = dirname(fileURLToPath(import.meta.url));
const out = join(folder, "../../node_modules/.deno-test");

/** A program is stopped after this time, in milliseconds. */
export const MOST_MS = 900_000;

/** The exit status and output of a process. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/**
 * Returns the path of the Deno that npm installs.
 * @throws Error if npm has no Deno for this platform. Without it nothing here is tested on wgpu.
 */
export function denoPath(): string {
  try {
    return createRequire(import.meta.url)("deno/install_api.cjs").runInstall();
  } catch (error) {
    const { platform, arch } = process;
    throw new Error(
      `@attnkit/webgpu is not tested on wgpu here: npm's deno has no binary for ${platform} ${arch} (${(error as Error).message})`,
    );
  }
}

/**
 * Bundles a program from the sources, runs it in Deno on the adapter that tests use, and waits for its end. It may
 * read the files, which are its last arguments, and nothing else.
 * @param name The name of the bundle.
 * @param program A file of this folder, or TypeScript.
 */
export async function runInDeno(
  name: string,
  program: { readonly entry: string } | { readonly code: string },
  { args = [], files = [] }: { readonly args?: readonly string[]; readonly files?: readonly string[] } = {},
): Promise<Ended> {
  const deno = denoPath();
  const outfile = join(out, `${name}.js`);
  const stdin = (contents: string): StdinOptions => ({ contents, resolveDir: folder, loader: "ts" });
  await build({
    ...("entry" in program ? { entryPoints: [join(folder, program.entry)] } : { stdin: stdin(program.code) }),
    ...{ outfile, bundle: true, platform: "neutral", format: "esm", conditions: ["@attnkit/source"] },
  });
  const may = files.length > 0 ? [`--allow-read=${files.join(",")}`] : [];
  const child = spawn(deno, ["run", "--no-config", "--no-lock", "--no-prompt", ...may, outfile, ...args, ...files], {
    env: { ...process.env, ...adapterEnvironment(), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: MOST_MS,
  });
  const said = { out: "", err: "" };
  for (const [stream, to] of [
    [child.stdout, "out"],
    [child.stderr, "err"],
  ] as const)
    stream.setEncoding("utf8").on("data", (text: string) => {
      said[to] += text;
    });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...said }));
  });
}
