import type { Data } from "@attnkit/core";
import { type Choice, label } from "@attnkit/measure/choice";
import { digits } from "@attnkit/measure/format";
import { type FileTensor, fileTensor } from "@attnkit/measure/tensor";
import { markdownTable } from "markdown-table";
import { TOLERANCE } from "../frontier/accuracy.ts";
import { meanCosine, relativeDistance } from "../frontier/distance.ts";
import { statisticsOf, type Weights } from "../frontier/weights.ts";
import { type Io, UsageError } from "../io.ts";
import { callOf, prepare, type RunFlags, uploaded, write } from "./run-call.ts";
import { checkStateless, weightsIn, weightsOr } from "./run-weights.ts";

/** One mechanism's call. */
interface Compared {
  readonly name: string;
  readonly y: Data;
  readonly weights: Weights | { readonly none: string };
}

/**
 * Runs one call of each mechanism on the same block, writes `<name>.y` of each, and prints how far each is from the first,
 * with entropy and norm of its weights. Nothing is written if one of them refuses.
 *
 * @throws UsageError for a state, a mechanism that is named twice, and weights that are asked for and cannot be had.
 */
export async function compare(io: Io, flags: RunFlags, chosen: readonly Choice[]): Promise<void> {
  const names = chosen.map(label);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError("--mechanism", `${twice} is named twice; expected each once`);
  const prepared = await prepare(io, flags);
  checkStateless("--mechanism: a comparison", prepared);
  const { backend, block } = prepared;
  const tensors = new Map<string, FileTensor>();
  const all: Compared[] = [];
  for (const choice of chosen) {
    const name = label(choice);
    const { y: on, lse } = await (await callOf(choice, prepared, flags))(uploaded(prepared));
    const y = await backend.download(on);
    tensors.set(`${name}.y`, fileTensor(y, backend.shape(on)));
    if (lse !== undefined) tensors.set(`${name}.lse`, fileTensor(await backend.download(lse), backend.shape(lse)));
    const weights = await (flags.weights ? weightsIn : weightsOr)(choice, prepared, flags, y);
    if (flags.weights && "data" in weights) tensors.set(`${name}.weights`, fileTensor(weights.data, weights.shape));
    all.push({ name, y, weights });
  }
  await write(io, flags, tensors, {
    mechanisms: chosen.map(({ entry, options }) => ({ mechanism: entry.name, options })),
  });
  io.out(`\n${table(all, block.v.shape.at(-1)!, TOLERANCE[backend.dtype])}\n`);
  for (const { name, weights } of all) if ("none" in weights) io.err(`note: ${name}: no weights: ${weights.none}\n`);
}

/** Returns distance and cosine of every output to the first, and entropy and norm of the weights. */
function table(all: readonly Compared[], dv: number, tolerance: number): string {
  const first = all[0]!;
  const rows = all.map(({ name, y, weights }) => {
    const w = "none" in weights ? undefined : statisticsOf(weights, tolerance);
    return [
      ...[name, digits(relativeDistance(y, first.y)), meanCosine(y, first.y, dv).toFixed(3)],
      ...[w?.entropy == null ? "" : digits(w.entropy), w ? digits(w.norm) : ""],
    ];
  });
  const head = ["mechanism", `distance to ${first.name}`, "cosine", "entropy", "norm"];
  return markdownTable([head, ...rows], { align: ["l", ..."rrrr"] });
}
