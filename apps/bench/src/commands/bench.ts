import { type Command, Option } from "commander";
import type { Io } from "../io.ts";
import { USUAL } from "../select.ts";
import type { Flags, Preset } from "./bench-flags.ts";
import * as flag from "./flags.ts";

/** The default of --largest in MiB. A score matrix of 8192 x 8192 float32 numbers takes 256 MiB. */
const LARGEST = 256;

const LENGTHS = [256, 512, 1024, 2048, 4096, 8192, 16384];
const CONTEXTS = [256, 1024, 4096, 16384];
/** Takes under a minute on two slow cores, checks and pilot timings included. */
const QUICK: Preset = {
  lengths: LENGTHS.slice(0, 5),
  contexts: CONTEXTS.slice(0, 3),
  budget: 13,
  rounds: 7,
  memory: 1,
};
/** Takes under 4 minutes on two cores, checks and pilot timings included. */
const FULL: Preset = { lengths: LENGTHS, contexts: CONTEXTS, budget: 125, rounds: 15, memory: 3 };
/** With --against. Each cell takes about a minute on an idle machine. */
const AGAINST: Preset = { lengths: [256, 1024, 4096], contexts: [256, 4096], budget: 900, rounds: 0, memory: 0 };

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
    .option("--seed <n>", "seed of the random embedding and projections", flag.integer, 1)
    .option(
      "--rounds <n>",
      `the most samples per size; default ${FULL.rounds}, --quick: ${QUICK.rounds}`,
      flag.positive,
    )
    .option(
      "--budget <seconds>",
      `time to spend, in seconds; default ${FULL.budget}, --quick: ${QUICK.budget}`,
      flag.seconds,
    )
    .addOption(
      new Option("--kernels <mode>", "use of fast kernels").choices(["prefer", "require", "never"]).default("prefer"),
    )
    .option("--no-baselines", "do not time what a user of tfjs or ONNX Runtime would run instead")
    .option(
      "--largest <mib>",
      "skip sizes whose largest tensor would take more than this many MiB",
      flag.positive,
      LARGEST,
    )
    .option("--text <file>", "text to embed as q, k and v; default attnkit's own documentation")
    .option("--tensors <file>", "file with q, k and v of a real model: .safetensors, .npz or .npy")
    .option(
      "--threads <n>",
      "threads per operation in ONNX Runtime's cpu and wasm providers, baselines included",
      flag.threads,
      1,
    )
    .option(
      "--memory-lengths <n>",
      `measure peak memory at this many of the longest lengths; default ${FULL.memory}, --quick: ${QUICK.memory}`,
      flag.positive,
    )
    .option("--no-memory", "do not measure peak memory, which takes a process per length")
    .option("--quick", "use shorter lengths and fewer samples: under a minute", false)
    .option("--out <dir>", "folder for the results", "results")
    .addOption(
      new Option("--record <what>", "run every benchmark that a record of this kind contains").choices(["gpu"]),
    )
    .option("--smoke", "with --record: run tiny sizes to test the command; nothing is measured", false)
    .option(
      "--against <dir>",
      "compare with another build in this folder, a checkout or its packed packages: time both in pairs of fresh processes, and exit with code 1 if a time differs beyond the threshold for certain; " +
        `default lengths are then ${AGAINST.lengths}, contexts ${AGAINST.contexts}, budget ${AGAINST.budget}`,
    )
    .option("--threshold <percent>", "with --against: the difference that fails, in percent", flag.percent, 10)
    .option("--only-slower", "with --against: do not fail if this build is the faster one", false)
    .option(
      "--frontier",
      "accuracy beside cost at one length: distance to softmax, weights, times, state bytes, crossover; see the README",
      false,
    )
    .option("--resume <file>", "continue an interrupted run and write into the same files")
    .action(async (flags: Flags) => {
      if (flags.frontier) {
        const { frontier } = await import("./frontier-action.ts");
        return exit(await frontier(io, flags, given(command)));
      }
      // The plots, schemas and the DOM take half a second to load. Other commands do not need them.
      const { bench } = await import("./bench-action.ts");
      const preset = flags.against !== undefined ? AGAINST : flags.quick ? QUICK : FULL;
      exit(await bench(io, flags, preset, given(command)));
    });
}

/** Returns the names of the flags that the user gave. */
const given = (command: Command): string[] =>
  command.options.map((o) => o.attributeName()).filter((name) => command.getOptionValueSource(name) === "cli");
