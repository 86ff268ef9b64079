import { type Command, Option } from "commander";
import type { Io } from "../io.ts";
import { admitNamed, USUAL } from "../select.ts";
import { AGAINST, DEFAULTS, FULL, LARGEST, QUICK } from "./bench-defaults.ts";
import type { Flags } from "./bench-flags.ts";
import * as flag from "./flags.ts";

export function benchCommand(program: Command, io: Io, exit: (code: number) => void): void {
  const command = program
    .command("bench")
    .description("check every mechanism on every backend against its reference, then time it")
    .option("--mechanism <list>", 'names, files or packages, with options as linear:{"featureMap":"relu"}; default all')
    .option("--backend <list>", `names, files or packages; default ${USUAL}`)
    .option("--dtype <type>", "float type of the backends; default each backend's own")
    .option("--heads <n>", "query heads", flag.positive, DEFAULTS.heads)
    .option("--kv-heads <n>", "key and value heads; default as many as query heads", flag.positive)
    .option("--dim <n>", "channels of a head", flag.positive, DEFAULTS.dim)
    .option("--lengths <list>", `prefill lengths in tokens; default ${FULL.lengths.join(",")}`, flag.sizes)
    .option(
      "--decode-contexts <list>",
      `tokens in the state before decoding; default ${FULL.contexts.join(",")}`,
      flag.sizes,
    )
    .option("--seed <n>", "seed of the random embedding and projections", flag.integer, DEFAULTS.seed)
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
      new Option("--kernels <mode>", "use of fast kernels")
        .choices(["prefer", "require", "never"])
        .default(DEFAULTS.kernels),
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
      DEFAULTS.threads,
    )
    .option(
      "--memory-lengths <n>",
      `measure peak memory at this many of the longest lengths; default ${FULL.memory}, --quick: ${QUICK.memory}`,
      flag.positive,
    )
    .option("--tiles <file>", "use the tiles of WebGPU kernels that attnkit tune wrote to this file")
    .option("--no-memory", "do not measure peak memory, which takes a process per length")
    .option("--quick", "use shorter lengths and fewer samples: under a minute", false)
    .option("--out <dir>", "folder for the results", "results")
    .addOption(
      new Option(
        "--record <what>",
        "write a record: the default benchmarks on this processor, or all those of a GPU",
      ).choices(["cpu", "gpu"]),
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
      await admitNamed(io.cwd, flags.backend ?? null, flags.mechanism ?? null);
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
