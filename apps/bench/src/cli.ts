#!/usr/bin/env node
import { existsSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { EXIT } from "./io.ts";
import { main } from "./program.ts";

const controller = new AbortController();
let listening = false;

/** Commands that can stop half-way ask for this; for the others an interrupt ends the process as usual. */
function interrupts(): AbortSignal {
  for (const signal of listening ? [] : (["SIGINT", "SIGTERM"] as const)) {
    process.on(signal, () => {
      // The first asks to stop at the next safe place, the second does not wait for it.
      if (controller.signal.aborted) process.exit(EXIT.interrupted);
      controller.abort();
    });
  }
  listening = true;
  return controller.signal;
}

// A reader that closes the pipe early (`attnkit list | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  throw error;
});

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  // A pseudo-terminal without a size says 0.
  columns: process.stderr.isTTY ? process.stderr.columns || 80 : 0,
  cwd: userFolder(),
  get signal() {
    return interrupts();
  },
});

/** The folder the user stands in: a package script runs in the package's folder and leaves the user's in INIT_CWD. */
function userFolder(): string {
  const { INIT_CWD: stood, npm_package_json: script } = process.env;
  const here = process.cwd();
  const inScript = stood && script && existsSync(script) && realpathSync(dirname(script)) === realpathSync(here);
  return inScript ? stood : here;
}
