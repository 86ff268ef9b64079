/** Compares the weights that are shown with the float64 reference and with the device that computes. */
import { creator, mechanisms } from "@attnkit/catalog/mechanisms";
import { attention } from "@attnkit/core";
import { allowance } from "@attnkit/core/conformance";
import type { OpenBackend } from "../contract.ts";
import { CHANNELS, HEADS } from "./kinds.ts";
import { type Look, rowsOf, type Sequence } from "./model.ts";
import { apply, head } from "./weights.ts";

export interface Verdict {
  readonly agrees: boolean;
  /** Largest |weights . v - output of the device| of the head that is shown. */
  readonly difference: number;
  /** Share of the error budget of the conformance suite: the device's, or the picture's against the reference. */
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

  const create = await creator(mechanisms.find(({ name }) => name === kind.name)!, backend);
  const [q, k, v] = [sequence.q, sequence.k, sequence.v].map((x) => backend.upload(x, shape));
  const result = await attention(create(options), backend, { causal })({ q, k, v });
  try {
    const y = await backend.download(result.y);
    const rows = (x: Float32Array) => rowsOf(x, sequence.length, shown.head);
    const { y: exact, scale } = oracle(head(rows(sequence.q), rows(sequence.k), rows(sequence.v), causal));
    let [difference, used] = [0, 0];
    const channels = channel === undefined ? Array.from({ length: CHANNELS }, (_, c) => c) : [channel];
    for (const c of channels) {
      for (const [i, expected] of apply(w, rows(sequence.v), c).entries()) {
        const got = Number(y[(shown.head * sequence.length + i) * CHANNELS + c]);
        const off = Math.abs(got - expected);
        difference = Math.max(difference, off);
        const terms = sequence.length + CHANNELS;
        const drawn = Math.abs(expected - exact[i]![c]!) / allowance("float64", terms, scale[i]![c]!);
        const share = Math.max(off / allowance(backend.dtype, terms, scale[i]![c]!), drawn);
        // A comparison with NaN must not pass.
        used = Number.isNaN(share) ? Number.POSITIVE_INFINITY : Math.max(used, share);
      }
    }
    return { agrees: used <= 1, difference, used };
  } finally {
    for (const x of [q, k, v, result.y, ...Object.values(result.state)]) backend.free(x);
  }
}
