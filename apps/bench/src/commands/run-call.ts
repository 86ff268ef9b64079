import { extname } from "node:path";
import { attention, type Backend, type Block, type Result, type State } from "@attnkit/core";
import { isStateName, stateName } from "@attnkit/core/backend";
import { type Choice, make } from "@attnkit/measure/choice";
import { writeSafetensors } from "@attnkit/measure/safetensors";
import { type FileTensor, type FileTensors, fileTensor } from "@attnkit/measure/tensor";
import { writeOutput } from "../files.ts";
import { writeNpz } from "../input/npz.ts";
import { blockOf, described, type HostBlock, type HostTensor, readTensors, stateOf } from "../input/tensors.ts";
import { type Io, UsageError } from "../io.ts";
import { backendNamed, dtypeFor, openNamed } from "../select.ts";

/** The flags of `attnkit run`, parsed. */
export interface RunFlags extends Readonly<Record<string, unknown>> {
  readonly mechanism: string;
  readonly backend: string;
  readonly dtype?: string;
  readonly causal?: true | "end";
  readonly lse: boolean;
  readonly kernels: "prefer" | "require" | "never";
  readonly weights: boolean;
  readonly tensors: string;
  readonly state?: string;
  readonly out: string;
}

/** A block in host memory, the state that it continues, and the backend to run it on. */
export interface Prepared {
  readonly backend: Backend<unknown>;
  readonly block: HostBlock;
  readonly state: HostBlock["state"];
}

/** Reads the block that the flags name and opens the backend. Throws `UsageError`. */
export async function prepare(io: Io, flags: RunFlags): Promise<Prepared> {
  const entry = backendNamed(flags.backend);
  const dtype = dtypeFor(entry, flags.dtype);
  const { block, ignored } = blockOf(flags.tensors, await readTensors(io, flags.tensors), dtype);
  if (ignored.length) io.err(`note: ${flags.tensors}: ${ignored.join(", ")} not used\n`);
  const state = flags.state === undefined ? block.state : await stateFrom(io, flags.state, block, dtype);
  return { backend: await openNamed(entry, dtype), block, state };
}

/** Returns the call that the flags describe. Throws the mechanism's own errors. */
export const callOf = async (
  choice: Choice,
  { backend }: Pick<Prepared, "backend">,
  { causal, lse, kernels }: Pick<RunFlags, "causal" | "lse" | "kernels">,
): Promise<(block: Block<unknown>) => Promise<Result<unknown>>> =>
  attention(await make(choice, backend), backend, { causal: causal ?? false, lse, kernels });

/** Writes the tensors, with metadata about how they were made, and lists them on standard output. */
export async function write(
  io: Io,
  { out, causal }: RunFlags,
  tensors: FileTensors,
  about: Readonly<Record<string, unknown>>,
): Promise<void> {
  const data =
    extname(out).toLowerCase() === ".npz"
      ? writeNpz(tensors)
      : writeSafetensors(tensors, { attnkit: JSON.stringify({ ...about, causal: causal ?? false }) });
  await writeOutput(io, out, data);
  for (const [name, { dtype, shape }] of tensors) io.out(`${name} ${dtype} [${shape.join(", ")}]\n`);
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

export function uploaded({ backend, block, state }: Prepared): Block<unknown> {
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

/** Downloads y, lse and the state, each under its name in a file. */
export async function downloaded(
  backend: Backend<unknown>,
  { y, lse, state }: Result<unknown>,
): Promise<Map<string, FileTensor>> {
  const all = [
    ["y", y] as const,
    ...(lse === undefined ? [] : [["lse", lse] as const]),
    ...Object.entries(state).map(([n, x]) => [stateName(n), x] as const),
  ];
  const tensors = new Map<string, FileTensor>();
  for (const [name, x] of all) tensors.set(name, fileTensor(await backend.download(x), backend.shape(x)));
  return tensors;
}
