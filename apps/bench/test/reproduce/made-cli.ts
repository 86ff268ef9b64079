/** `attnkit reproduce` with the made experiment, as a process of its own. */
import { fileURLToPath } from "node:url";
import { madeMain } from "./made-program.ts";

const controller = new AbortController();
process.on("SIGINT", () => controller.abort());
const io = {
  out: (text: string) => process.stdout.write(text),
  err: (text: string) => process.stderr.write(text),
  ...{ columns: 0, cwd: process.cwd(), signal: controller.signal },
};
const child = fileURLToPath(new URL("./made-child.js", import.meta.url));
process.exitCode = await madeMain(process.argv.slice(2), io, child);
