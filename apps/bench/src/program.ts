import { Command, CommanderError } from "commander";
import { benchCommand } from "./commands/bench.ts";
import { conformCommand } from "./commands/conform.ts";
import { exportCommand } from "./commands/export.ts";
import { listCommand } from "./commands/list.ts";
import { reportCommand } from "./commands/report.ts";
import { reproduceCommand } from "./commands/reproduce.ts";
import { runCommand } from "./commands/run.ts";
import { EXIT, type Io, oneLine, userMessage } from "./io.ts";
import { ownVersion } from "./measure/environment.ts";
import { tuneCommand } from "./tune/command.ts";

/**
 * Runs the `attnkit` command line with `argv`, without node and script. Resolves with the exit code and never rejects.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  const exit = (n: number) => {
    code = n;
  };
  const program = new Command("attnkit")
    .description("Attention mechanisms on pluggable backends: benchmarks, conformance tests, and files in and out.")
    .option("-V, --version", "print the version of @attnkit/cli")
    .on("option:version", () => {
      io.out(`${ownVersion()}\n`);
      throw new CommanderError(EXIT.ok, "commander.version", "");
    })
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      outputError: (text, write) => write(`attnkit: ${oneLine(text).replace(/^error: /, "")}\n`),
    });
  const commands = [
    benchCommand,
    reproduceCommand,
    reportCommand,
    conformCommand,
    runCommand,
    exportCommand,
    tuneCommand,
    listCommand,
  ];
  for (const command of commands) command(program, io, exit);
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const message = userMessage(error);
    if (message !== undefined) {
      io.err(`attnkit: ${message}\n`);
      return EXIT.usage;
    }
    io.err(`attnkit: internal error, please report it\n${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT.internal;
  }
}
