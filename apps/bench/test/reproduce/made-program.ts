import { Command } from "commander";
import { declareReproduce } from "../../src/commands/reproduce.ts";
import { reproduce } from "../../src/commands/reproduce-action.ts";
import type { Flags } from "../../src/commands/reproduce-flags.ts";
import { type Io, userMessage } from "../../src/io.ts";
import { made } from "./made.ts";

/** `attnkit reproduce` with the made experiment. `argv` begins with the command's name. Resolves with the exit code. */
export async function madeMain(argv: readonly string[], io: Io, child: string): Promise<number> {
  let code = 70;
  const program = new Command();
  declareReproduce(program).action(async (names: string[], flags: Flags) => {
    code = await reproduce(io, names, flags, { experiments: made, child, records: `${io.cwd}/records` });
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    const message = userMessage(error);
    io.err(`attnkit: ${message ?? (error as Error).stack}\n`);
    return message === undefined ? 70 : 2;
  }
}
