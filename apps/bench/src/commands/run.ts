import { extname } from "node:path";
import type { Causal, Options } from "@attnkit/core";
import type { Choice } from "@attnkit/measure/choice";
import { fileTensor } from "@attnkit/measure/tensor";
import { type Command, InvalidArgumentError, Option } from "commander";
import { checkWritable } from "../files.ts";
import { type Io, UsageError } from "../io.ts";
import { choices, mechanismNamed } from "../select.ts";
import { mechanismFlags, optionsFrom } from "./mechanism-flags.ts";
import { callOf, downloaded, prepare, type RunFlags, uploaded, write } from "./run-call.ts";
import { compare } from "./run-compare.ts";
import { checkStateless, weightsIn } from "./run-weights.ts";

export function runCommand(program: Command, io: Io): void {
  const command = program
    .command("run")
    .description(
      "Run one call: read q, k, v (and mask, bias, keyMask, state.*) from a file, write y (and lse, state.*) to a file.",
    )
    .requiredOption(
      "--mechanism <list>",
      'mechanism to run; `attnkit list` prints the names. Several, with options as linear:{"featureMap":"relu"}, are compared with the first',
    )
    .option("--backend <name>", "backend to run on", "cpu")
    .option("--dtype <type>", "float type; default is the backend's own")
    .option(
      "--causal [end]",
      "each query sees only keys up to its own position; `end` aligns the last query with the last key",
      causal,
    )
    .option("--lse", "also write lse, the logarithm of each row's normaliser", false)
    .option(
      "--weights",
      "also write the weights, the output for v = identity: [B, Hq, L, T], one set per channel for elementwise",
      false,
    )
    .addOption(
      new Option("--kernels <mode>", "use of fast kernels").choices(["prefer", "require", "never"]).default("prefer"),
    )
    .requiredOption("--tensors <file>", "input file: .safetensors, .npz, or .npy with q, k and v stacked as [3, ...]")
    .option("--state <file>", "read state.* from this file, the output of the previous block")
    .requiredOption("--out <file>", "output file: .safetensors or .npz");
  mechanismFlags(command).action((flags: RunFlags) => run(io, flags));
}

async function run(io: Io, flags: RunFlags): Promise<void> {
  const chosen = chosenOf(flags);
  const kind = extname(flags.out).toLowerCase();
  if (kind !== ".safetensors" && kind !== ".npz") {
    throw new UsageError(flags.out, `extension ${kind || "(none)"}; expected .safetensors or .npz`);
  }
  await checkWritable(io, flags.out, [flags.tensors]);
  for (const { entry, options } of chosen) entry.create(options); // refuses invalid options before any file is read
  if (chosen.length > 1) return compare(io, flags, chosen);
  const [choice] = chosen as [Choice];
  const prepared = await prepare(io, flags);
  if (flags.weights) checkStateless("--weights", prepared);
  const result = await (await callOf(choice, prepared, flags))(uploaded(prepared));
  const tensors = await downloaded(prepared.backend, result);
  if (flags.weights) {
    const { shape, data } = await weightsIn(choice, prepared, flags, await prepared.backend.download(result.y));
    tensors.set("weights", fileTensor(data, shape));
  }
  await write(io, flags, tensors, { mechanism: choice.entry.name, options: choice.options });
}

/** Returns the mechanism with the options that flags give, or those of a list with the options behind each name. */
function chosenOf(flags: RunFlags): readonly Choice[] {
  const options: Options = { ...optionsFrom(flags) };
  if (!/[,:]/.test(flags.mechanism)) return [{ entry: mechanismNamed(flags.mechanism), options }];
  const [given] = Object.keys(options);
  if (given !== undefined)
    throw new UsageError(
      "--mechanism",
      `${flags.mechanism} does not go with the flag for ${given}; expected options behind a name, as linear:{"featureMap":"relu"}`,
    );
  return choices(flags.mechanism);
}

function causal(text: string): Causal {
  if (text === "end") return "end";
  throw new InvalidArgumentError("Expected nothing or end.");
}
