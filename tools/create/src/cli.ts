#!/usr/bin/env node
import { askerOn } from "./ask.ts";
import { main } from "./main.ts";

const terminal = { input: process.stdin, output: process.stdout };
process.exitCode = await main(process.argv.slice(2), {
  cwd: process.cwd(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  ask: process.stdin.isTTY && process.stdout.isTTY ? askerOn(terminal) : undefined,
});
