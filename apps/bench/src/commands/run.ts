import { extname } from "node:path";
import { attention, type Backend, type Block, type Causal, type Options, type Result, type State } from "@attnkit/core";
import { isStateName, stateName } from "@attnkit/core/backend";
import { make } from "@attnkit/measure/choice";
import { writeSafetensors } from "@attnkit/measure/safetensors";
import { type FileTensor, type FileTensors, fileTensor } from "@attnkit/measure/tensor";
import { type Command, InvalidArgumentError, Option } from "commander";
import { checkWritable, writeOutput } from "../files.ts";
import { writeNpz } from "../input/npz.ts";
import { blockOf, described, type HostBlock, type HostTensor, readTensors, stateOf } from "../input/tensors.ts";
import { type Io, UsageError } from "../io.ts";
import { backendNamed, dtypeFor, mechanismNamed, openNamed } from "../select.ts";
import { mechanismFlags, optionsFrom } from "./mechanism-flags.ts";

interface Flags extends Readonly<Record<string, unknown>> {
  readonly mechanism: string;
  readonly backend: string;
  readonly dtype?: string;
  readonly causal?: true | "end";
  readonly lse: boolean;
  readonly kernels: "prefer" | "require" | "never";
  readonly tensors: string;
  readonly state?: string;
  readonly out: string;
}

export function runCommand(program: Command, io: Io): void {
  const command = program
    .command("run")
    .description(
      "Run one call: read q, k, v (and mask, bias, keyMask, state.*) from a file, write y (and lse, state.*) to a file.",
    )
    .requiredOption("--mechanism <name>", "mechanism to run; `attnkit list` prints the names")
    .option("--backend <name>", "backend to run on", "cpu")
    .option("--dtype <type>", "float type; default is the backend's own")
    .option(
      "--causal [end]",
      "each query sees only keys up to its own position; `end` aligns the last query with the last key",
      causal,
    )
    .option("--lse", "also write lse, the logarithm of each row's normaliser", false)
    .addOption(
      new Option("--kernels <mode>", "use of fast kernels").choices(["prefer", "require", "never"]).default("prefer"),
    )
    .requiredOption("--tensors <file>", "input file: .safetensors, .npz, or .npy with q, k and v stacked as [3, ...]")
    .option("--state <file>", "read state.* from this file, the output of the previous block")
    .requiredOption("--out <file>", "output file: .safetensors or .npz");
  mechanismFlags(command).action((flags: Flags) => run(io, flags));
}

async function run(io: Io, flags: Flags): Promise<void> {
  const entry = mechanismNamed(flags.mechanism);
  const kind = extname(flags.out).toLowerCase();
  if (kind !== ".safetensors" && kind !== ".npz") {
    throw new UsageError(flags.out, `extension ${kind || "(none)"}; expected .safetensors or .npz`);
  }
  await checkWritable(io, flags.out, [flags.tensors]);
  const options = { ...optionsFrom(flags) };
  entry.create(options); // refuses invalid options before any file is read
  const backendEntry = backendNamed(flags.backend);
  const dtype = dtypeFor(backendEntry, flags.dtype);
  const { block, ignored } = blockOf(flags.tensors, await readTensors(io, flags.tensors), dtype);
  if (ignored.length) io.err(`note: ${flags.tensors}: ${ignored.join(", ")} not used\n`);
  const state = flags.state === undefined ? block.state : await stateFrom(io, flags.state, block, dtype);
  const backend = await openNamed(backendEntry, dtype);
  const attend = attention(await make({ entry, options }, backend), backend, {
    causal: flags.causal ?? false,
    lse: flags.lse,
    kernels: flags.kernels,
  });
  const result = await attend(uploaded(backend, block, state));
  const tensors = await downloaded(backend, result);
  await writeOutput(
    io,
    flags.out,
    kind === ".npz" ? writeNpz(tensors) : writeSafetensors(tensors, about(entry.name, options, flags.causal ?? false)),
  );
  for (const [name, { dtype: type, shape }] of tensors) io.out(`${name} ${type} [${shape.join(", ")}]\n`);
}

async function stateFrom(
  io: Io,
  path: string,
  block: HostBlock,
  dtype: Parameters<typeof stateOf>[2],
): Promise<Record<string, HostTensor>> {
  if (block.state) throw new UsageError("--state", "the --tensors file holds a state too; give one of them");
  const tensors = await readTensors(io, path);
  const state = stateOf(path, tensors, dtype);
  // An earlier run wrote y and lse beside the state.
  const other = ([name]: readonly [string, unknown]) => !isStateName(name) && name !== "y" && name !== "lse";
  const unused = described(new Map([...tensors].filter(other)));
  if (state && unused.length) io.err(`note: ${path}: ${unused.join(", ")} not used\n`);
  if (state) return state;
  throw new UsageError(path, "holds no state.* tensors; expected the output of an earlier `attnkit run`");
}

function uploaded(backend: Backend<unknown>, block: HostBlock, state: HostBlock["state"]): Block<unknown> {
  const up = (t: HostTensor | undefined) => (t === undefined ? undefined : backend.upload(t.data, t.shape));
  const carried: State<unknown> | undefined =
    state && Object.fromEntries(Object.entries(state).map(([name, t]) => [name, up(t)]));
  return {
    q: up(block.q),
    k: up(block.k),
    v: up(block.v),
    mask: up(block.mask),
    bias: up(block.bias),
    keyMask: up(block.keyMask),
    state: carried,
  };
}

async function downloaded(backend: Backend<unknown>, { y, lse, state }: Result<unknown>): Promise<FileTensors> {
  const all = [
    ["y", y] as const,
    ...(lse === undefined ? [] : [["lse", lse] as const]),
    ...Object.entries(state).map(([n, x]) => [stateName(n), x] as const),
  ];
  const tensors = new Map<string, FileTensor>();
  for (const [name, x] of all) tensors.set(name, fileTensor(await backend.download(x), backend.shape(x)));
  return tensors;
}

/** Returns the metadata of the output file: the mechanism, its options and the causality that made it. */
const about = (mechanism: string, options: Options, how: Causal): Record<string, string> => ({
  attnkit: JSON.stringify({ mechanism, options, causal: how }),
});

function causal(text: string): Causal {
  if (text === "end") return "end";
  throw new InvalidArgumentError("Expected nothing or end.");
}
