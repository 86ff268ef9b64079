import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Writes a module into a folder outside the repository, complete with its own copy of core. */
export async function outsideModule(folder: string, name: string, code: string): Promise<string> {
  const path = join(folder, name);
  await build({
    stdin: { contents: code, resolveDir: here, loader: "ts" },
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@attnkit/source"],
    logLevel: "error",
  });
  return path;
}

/** A backend in whose operations `exp` returns its argument. */
export const BROKEN = `
import { eager } from "@attnkit/core/backend";
import { cpu } from "@attnkit/cpu";
export default function broken() {
  const right = cpu();
  const ops = { ...right.ops, exp: (x) => x };
  return { ...right, name: "broken", ops, compile: eager(ops) };
}`;

/** A mechanism of a stranger: softmax under another name, with its oracle. */
export const MINE = `
import { softmax } from "@attnkit/softmax";
import { softmaxReference } from "@attnkit/softmax/reference";
export const mechanism = (options) => ({ ...softmax(options), name: "mine" });
export const reference = softmaxReference;
export const variants = [{}, { softcap: 2 }];`;
