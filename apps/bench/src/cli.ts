#!/usr/bin/env node
import { existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { EXIT } from "./io.ts";
import { main } from "./program.ts";

const controller = new AbortController();
let listening = false;

/**
 * Returns the interrupt signal. A command that asks for it stops at the next safe place. For all others, an interrupt
 * ends the process.
 */
function interrupts(): AbortSignal {
  for (const signal of listening ? [] : (["SIGINT", "SIGTERM"] as const)) {
    process.on(signal, () => {
      // The first interrupt asks the command to stop at the next safe place. The second ends the process at once.
      if (controller.signal.aborted) process.exit(EXIT.interrupted);
      controller.abort();
    });
  }
  listening = true;
  return controller.signal;
}

// If the reader closes the pipe early (`attnkit list | head`), that is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  throw error;
});

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  // A pseudo-terminal without a size reports 0 columns.
  columns: process.stderr.isTTY ? process.stderr.columns || 80 : 0,
  cwd: userFolder(),
  get signal() {
    return interrupts();
  },
});

/**
 * Returns the user's working folder. A package script runs in the folder of its package, and INIT_CWD holds the user's
 * folder.
 */
function userFolder(): string {
  const { INIT_CWD: stood, npm_package_json: script } = process.env;
  const here = process.cwd();
  const inScript = stood && script && existsSync(script) && realpathSync(dirname(script)) === realpathSync(here);
  return inScript ? stood : here;
}
