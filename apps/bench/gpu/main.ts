/**
 * The entry of the bundle for a machine with a GPU. It records that GPU on the machine's own adapter, or with `tune` as its first
 * argument tunes the kernels for it.
 */
import { fileURLToPath } from "node:url";
import { main } from "../src/program.ts";

const self = fileURLToPath(import.meta.url);
process.env.ATTNKIT_WEBGPU_ADAPTER ??= "default";
// A bundler other than pack.mjs writes neither the origin nor a text into the program.
const unknown = JSON.stringify({ packages: {}, frameworks: {}, commit: null });
Object.assign(process.env, { ATTNKIT_BUILD: process.env.ATTNKIT_BUILD ?? unknown });
process.env.ATTNKIT_TEXT ??= self;
// CommonJS modules inside the bundle read it when they write a file.
Object.assign(globalThis, { __filename: self });
const controller = new AbortController();
process.once("SIGINT", () => controller.abort());
const given = process.argv.slice(2);
const code = await main(given[0] === "tune" ? given : ["bench", "--record", "gpu", ...given], {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  columns: 0,
  cwd: process.env.ATTNKIT_CWD ?? process.cwd(),
  signal: controller.signal,
});
// Dawn keeps the process alive as long as its instance is reachable.
process.exit(code);
