import { type Command, Option } from "commander";
import type { Io } from "../io.ts";
import { USUAL } from "../select.ts";
import type { Flags, Preset } from "./bench-flags.ts";
import * as flag from "./flags.ts";

/** A tensor larger than this is not asked of a machine unasked: a score matrix of 8192 x 8192 x 4 bytes. */
const LARGEST = 256;

const LENGTHS = [256, 512, 1024, 2048, 4096, 8192, 16384];
const CONTEXTS = [256, 1024, 4096, 16384];
/** Under 30 seconds in all, checks and pilots included, on two slow cores. */
const QUICK: Preset = {
  lengths: LENGTHS.slice(0, 5),
  contexts: CONTEXTS.slice(0, 3),
  budget: 13,
  rounds: 7,
  memory: 1,
};
/** Under 3 minutes in all. */
const FULL: Preset = { lengths: LENGTHS, contexts: CONTEXTS, budget: 125, rounds: 15, memory: 3 };

export function benchCommand(program: Command, io: Io, exit: (code: number) => void): void {
  const command = program
    .command("bench")
    .description("check every mechanism on every backend against its reference, then time it")
    .option("--mechanism <list>", 'names, with options as linear:{"featureMap":"relu"}; default all')
    .option("--backend <list>", `names; default ${USUAL}`)
    .option("--dtype <type>", "float type of the backends; default each backend's own")
    .option("--heads <n>", "query heads", flag.positive, 2)
    .option("--kv-heads <n>", "key and value heads; default as many as query heads", flag.positive)
    .option("--dim <n>", "channels of a head", flag.positive, 32)
    .option("--lengths <list>", `prefill lengths in tokens; default ${LENGTHS.join(",")}`, flag.sizes)
    .option(
      "--decode-contexts <list>",
      `tokens in the state before decoding; default ${CONTEXTS.join(",")}`,
      flag.sizes,
    )
    .option("--seed <n>", "seed of the embedding and the projections", flag.integer, 1)
    .option("--rounds <n>", `samples of each size, at most; default ${FULL.rounds}`, flag.positive)
    .option("--budget <seconds>", `time to plan for; default ${FULL.budget}`, flag.seconds)
    .addOption(new Option("--kernels <mode>", "fast kernels").choices(["prefer", "require", "never"]).default("prefer"))
    .option("--no-baselines", "leave out what a user of tfjs or ONNX Runtime would run instead")
    .option("--largest <mib>", "leave out programs with a larger tensor than this", flag.positive, LARGEST)
    .option("--text <file>", "text to embed; default attnkit's own documentation")
    .option("--tensors <file>", "q, k and v of a real model: .safetensors, .npz or .npy")
    .option(
      "--threads <n>",
      "threads of ONNX Runtime on its cpu and wasm providers, baselines included",
      flag.threads,
      1,
    )
    .option(
      "--memory-lengths <n>",
      `lengths of each cell, the longest, whose peak memory is measured; default ${FULL.memory}, --quick: ${QUICK.memory}`,
      flag.positive,
    )
    .option("--no-memory", "do not measure peak memory in processes of their own")
    .option("--quick", "shorter lengths and fewer samples: under 30 seconds", false)
    .option("--out <dir>", "folder for the results", "results")
    .addOption(new Option("--record <what>", "run everything that a record of this kind holds").choices(["gpu"]))
    .option("--smoke", "with --record: tiny sizes, to see that it runs; no measurement", false)
    .option("--resume <file>", "continue an incomplete run: measure what its plan still lacks, into the same files")
    .action(async (flags: Flags) => {
      // Plots, schemas and a DOM take half a second to load; the other commands need none of them.
      const { bench } = await import("./bench-action.ts");
      const preset = flags.quick ? QUICK : FULL;
      exit(await bench(io, flags, preset, given(command)));
    });
}

/** Names of the flags that the user wrote. */
const given = (command: Command): string[] =>
  command.options.map((o) => o.attributeName()).filter((name) => command.getOptionValueSource(name) === "cli");
