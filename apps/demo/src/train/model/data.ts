import { generatorAt } from "@attnkit/train";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { Tokens } from "./forward.ts";

export interface Corpus {
  readonly training: Uint8Array;
  /** The end of the text, which no step sees. */
  readonly heldOut: Uint8Array;
}

export interface Batch {
  readonly inputs: Tokens;
  /** The same windows, one byte later. */
  readonly targets: Tokens;
}

/** The last tenth is held out, and at least one window. Throws where the text is too short for the context. */
export function corpus(text: Uint8Array, context: number): Corpus {
  const held = Math.max(context + 1, Math.floor(text.length / 10));
  const rest = text.length - held;
  if (rest < context + 1) {
    throw new RangeError(
      `The text has ${text.length} bytes; a context of ${context} needs at least ${2 * (context + 1)}. Paste more text or choose a shorter context.`,
    );
  }
  return { training: text.subarray(0, rest), heldOut: text.subarray(rest) };
}

/** The windows of one step. The seed and the step decide, nothing else: every mechanism sees the same, and so does a resumed run. */
export function batchAt({ training }: Corpus, seed: number, step: number, batch: number, context: number): Batch {
  const rng = generatorAt(seed, step);
  return windows(
    training,
    Array.from({ length: batch }, () => uniformInt(rng, 0, training.length - context - 1)),
    context,
  );
}

/** Evenly spaced windows of the held-out text. */
export function heldOutBatch({ heldOut }: Corpus, batch: number, context: number): Batch {
  const last = heldOut.length - context - 1;
  const count = Math.min(batch, last + 1);
  return windows(
    heldOut,
    Array.from({ length: count }, (_, i) => Math.floor((i * last) / Math.max(1, count - 1))),
    context,
  );
}

/** Nats per byte of a model that knows how often each byte occurs, and nothing of what went before. */
export function unigramEntropy(text: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const byte of text) counts[byte]! += 1;
  return counts.reduce((sum, n) => (n > 0 ? sum - (n / text.length) * Math.log(n / text.length) : sum), 0);
}

function windows(text: Uint8Array, starts: readonly number[], context: number): Batch {
  const cut = (from: number) => [...text.subarray(from, from + context)];
  return { inputs: starts.map((s) => cut(s)), targets: starts.map((s) => cut(s + 1)) };
}
