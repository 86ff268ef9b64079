/** Entry of the bundle for a machine with a GPU: a record of it, on the adapter that the machine has. */
import { fileURLToPath } from "node:url";
import { main } from "../src/program.ts";

const self = fileURLToPath(import.meta.url);
process.env.ATTNKIT_WEBGPU_ADAPTER ??= "default";
// Packed by another bundler than pack.mjs, it knows neither its origin nor a text.
const unknown = JSON.stringify({ packages: {}, frameworks: {}, commit: null });
Object.assign(process.env, { ATTNKIT_BUILD: process.env.ATTNKIT_BUILD ?? unknown });
process.env.ATTNKIT_TEXT ??= self;
// CommonJS inside the bundle looks for it when it writes a file.
Object.assign(globalThis, { __filename: self });
const controller = new AbortController();
process.once("SIGINT", () => controller.abort());
const code = await main(["bench", "--record", "gpu", ...process.argv.slice(2)], {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  columns: 0,
  cwd: process.env.ATTNKIT_CWD ?? process.cwd(),
  signal: controller.signal,
});
// Dawn keeps the process alive for as long as its instance is reachable.
process.exit(code);
