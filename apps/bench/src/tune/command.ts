import { CALL_CLASSES, type CallClass } from "@attnkit/wgsl";
import { type Command, InvalidArgumentError } from "commander";
import * as flag from "../commands/flags.ts";
import type { Io } from "../io.ts";
import type { Flags } from "./tune.ts";

export function tuneCommand(program: Command, io: Io, exit: (code: number) => void): void {
  program
    .command("tune")
    .description("time the tiles of the WebGPU kernels on this machine's adapter, and write the fastest as a table")
    .option("--out <file>", "file to write", "tiles.json")
    .option("--rounds <n>", "samples per tile", flag.positive, 7)
    .option("--candidates <n>", "the most tiles per class of calls, the portable one included", flag.positive, 32)
    .option("--class <name>", `only this class of calls, such as "${CALL_CLASSES[0]}"; repeatable`, classes)
    .option("--smoke", "tiny calls to test the command; nothing is measured", false)
    .action(async (flags: Flags) => {
      const { tune } = await import("./tune.ts");
      exit(await tune(io, flags));
    });
}

function classes(text: string, before: readonly CallClass[] = []): CallClass[] {
  const found = CALL_CLASSES.find((name) => name === text);
  if (found === undefined) throw new InvalidArgumentError(`Expected one of ${CALL_CLASSES.join("; ")}.`);
  return [...before, found];
}
