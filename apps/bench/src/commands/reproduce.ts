import { availableParallelism } from "node:os";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { FIRST_SEED } from "../reproduce/record.ts";
import * as flag from "./flags.ts";
import { type Flags, seed, seeds } from "./reproduce-flags.ts";

export function reproduceCommand(program: Command, io: Io, exit: (code: number) => void): void {
  declareReproduce(program).action(async (names: string[], flags: Flags) => {
    // The experiments load data sets and frameworks, which other commands do not need.
    const { reproduce } = await import("./reproduce-action.ts");
    const { shipped } = await import("../reproduce/shipped.ts");
    exit(await reproduce(io, names, flags, shipped()));
  });
}

/** Adds the command with its flags and without its action. */
export const declareReproduce = (program: Command): Command =>
  program
    .command("reproduce")
    .description("check the claims of the four papers: measure, draw, and say what is supported")
    .argument("[name...]", "experiments; default all")
    .option("--list", "print experiments, claims, cells and predicted times, and measure nothing", false)
    .option("--full", "use the full sizes, which take much longer", false)
    .option("--seeds <n>", "number of seeds, or a list such as 4,8,15; default 3; a claim may need more", seeds)
    .option("--seed <n>", `first seed; default ${FIRST_SEED}`, seed)
    .option("--claim <name>", "only this claim, as claim or experiment/claim; repeatable", flag.collect)
    .option("--out <dir>", "folder for the results; a finished run in it is replaced", "attnkit-reproduce")
    .option("--resume", "continue the run in the folder that was interrupted", false)
    .option("--jobs <n>", "cells to measure at once", flag.threads, availableParallelism())
    .option("--record", "write the record that docs/papers.md is made from; needs the default settings", false);
