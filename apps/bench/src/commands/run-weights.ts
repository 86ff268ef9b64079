import type { Data } from "@attnkit/core";
import { type Choice, label } from "@attnkit/measure/choice";
import { notWeights, perChannel, TOLERANCE } from "../frontier/accuracy.ts";
import { MOST_WEIGHTS, productError, type Weights, weightCount, weightsOf } from "../frontier/weights.ts";
import { UsageError } from "../io.ts";
import { callOf, type Prepared, type RunFlags, uploaded } from "./run-call.ts";

/** Throws `UsageError` if the call continues a state: its keys are gone, or sums of them. */
export function checkStateless(who: string, { state }: Prepared): void {
  if (state)
    throw new UsageError(
      who,
      "does not work with a state, which belongs to one mechanism and need not hold its keys; expected the whole sequence in --tensors",
    );
}

/** Returns the weights of a call whose output is y. Throws `UsageError` with the reason if there are none. */
export async function weightsIn(choice: Choice, prepared: Prepared, flags: RunFlags, y: Data): Promise<Weights> {
  const found = await weightsOr(choice, prepared, flags, y);
  if ("none" in found) throw new UsageError("--weights", `${label(choice)}: ${found.none}`);
  return found;
}

/** Returns the weights of a call whose output is y, or the reason why there are none. */
export async function weightsOr(
  choice: Choice,
  prepared: Prepared,
  flags: RunFlags,
  y: Data,
): Promise<Weights | { readonly none: string }> {
  const { backend, block } = prepared;
  const own = perChannel(choice);
  const count = weightCount(block, own);
  const [q, k] = [block.q.shape, block.k.shape].map((shape) => `[${shape.join(", ")}]`);
  if (count === 0) return { none: `q ${q} and k ${k} leave nothing to weight` };
  if (count > MOST_WEIGHTS)
    return {
      none:
        `q ${q} and k ${k} have weights, or an identity to read them with, of ${count} numbers` +
        `${own ? " (every channel has weights of its own)" : ""}; expected at most ${MOST_WEIGHTS}`,
    };
  // The identity has other sizes than v, for which there may be no kernel.
  const kernels = flags.kernels === "require" ? "prefer" : flags.kernels;
  const attend = await callOf(choice, prepared, { ...flags, lse: false, kernels });
  const weights = await weightsOf(
    async (of) => {
      const inputs = uploaded({ ...prepared, block: of });
      const { y: row, state } = await attend(inputs);
      const data = await backend.download(row);
      const { state: _, ...own } = inputs;
      for (const x of new Set([...Object.values(own), row, ...Object.values(state)]))
        if (x !== undefined) backend.free(x);
      return data;
    },
    block,
    own,
  );
  const off = productError(weights, block, y);
  return off <= TOLERANCE[backend.dtype] ? weights : { none: notWeights(off) };
}
