/** Whether the weights that are shown are those that the mechanism computes with, on the device that computes. */
import { creator, mechanisms } from "@attnkit/catalog/mechanisms";
import { attention } from "@attnkit/core";
import { allowance } from "@attnkit/core/conformance";
import type { OpenBackend } from "../contract.ts";
import { CHANNELS, HEADS } from "./kinds.ts";
import { type Look, rowsOf, type Sequence } from "./model.ts";
import { apply, head } from "./weights.ts";

export interface Verdict {
  readonly agrees: boolean;
  /** Largest |weights . v - output| of the head that is shown. */
  readonly difference: number;
  /** Its share of the error budget of the conformance suite. */
  readonly used: number;
}

export interface Shown {
  readonly sequence: Sequence;
  readonly causal: boolean;
  /** From 0. */
  readonly head: number;
}

/** Runs the mechanism on the backend and compares its output with weights times values, entry by entry. */
export async function verify(look: Look, { backend }: OpenBackend, shown: Shown): Promise<Verdict> {
  const { kind, values, reference, weights } = look;
  // Before the first await: a slider may move while the device computes.
  const [w, options, oracle] = [weights.peek(), kind.options(values.peek()), reference.peek()];
  const channel = kind.perChannel && Number(values.peek().channel);
  const { sequence, causal } = shown;
  const shape = [HEADS, sequence.length, CHANNELS];

  const create = await creator(mechanisms.find(({ name }) => name === kind.name)!, backend.kind);
  const [q, k, v] = [sequence.q, sequence.k, sequence.v].map((x) => backend.upload(x, shape));
  const result = await attention(create(options), backend, { causal })({ q, k, v });
  try {
    const y = await backend.download(result.y);
    const rows = (x: Float32Array) => rowsOf(x, sequence.length, shown.head);
    const { scale } = oracle(head(rows(sequence.q), rows(sequence.k), rows(sequence.v), causal));
    let [difference, used] = [0, 0];
    const channels = channel === undefined ? Array.from({ length: CHANNELS }, (_, c) => c) : [channel];
    for (const c of channels) {
      for (const [i, expected] of apply(w, rows(sequence.v), c).entries()) {
        const got = Number(y[(shown.head * sequence.length + i) * CHANNELS + c]);
        const off = Math.abs(got - expected);
        difference = Math.max(difference, off);
        const share = off / allowance(backend.dtype, sequence.length + CHANNELS, scale[i]![c]!);
        // A comparison with NaN must not pass.
        used = Number.isNaN(share) ? Number.POSITIVE_INFINITY : Math.max(used, share);
      }
    }
    return { agrees: used <= 1, difference, used };
  } finally {
    for (const x of [q, k, v, result.y, ...Object.values(result.state)]) backend.free(x);
  }
}
