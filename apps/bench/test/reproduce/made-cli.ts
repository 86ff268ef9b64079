/** `attnkit reproduce` with the made experiment, as a process of its own. */
import { join } from "node:path";
import { Command } from "commander";
import { declareReproduce } from "../../src/commands/reproduce.ts";
import { reproduce } from "../../src/commands/reproduce-action.ts";
import type { Flags } from "../../src/commands/reproduce-flags.ts";
import { userMessage } from "../../src/io.ts";
import { made } from "./made.ts";

const controller = new AbortController();
process.on("SIGINT", () => controller.abort());
const io = {
  out: (text: string) => process.stdout.write(text),
  err: (text: string) => process.stderr.write(text),
  ...{ columns: 0, cwd: process.cwd(), signal: controller.signal },
};
const program = new Command();
declareReproduce(program).action(async (names: string[], flags: Flags) => {
  const shipped = {
    experiments: made,
    child: join(import.meta.dirname, "made-child.js"),
    records: join(process.cwd(), "records"),
  };
  try {
    process.exitCode = await reproduce(io, names, flags, shipped);
  } catch (error) {
    const message = userMessage(error);
    process.stderr.write(`attnkit: ${message ?? (error as Error).stack}\n`);
    process.exitCode = message === undefined ? 70 : 2;
  }
});
await program.parseAsync();
