import type { Mechanism } from "@attnkit/core";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import {
  type Batch,
  constant,
  crossEntropy,
  dense,
  embedding,
  type Layer,
  layerNorm,
  learnedPositions,
  type ModelProgram,
  oneHotRows,
  sequence,
  type TrainerOptions,
  transformerBlock,
} from "@attnkit/train";

export interface Sizes {
  readonly width: number;
  readonly heads: number;
  readonly tokens: number;
  readonly batch: number;
  readonly blocks: number;
  readonly classes: number;
  readonly causal: boolean;
}

export const tiny: Sizes = { width: 12, heads: 3, tokens: 8, batch: 4, blocks: 2, classes: 7, causal: true };

export const mechanisms: Readonly<Record<string, Mechanism>> = {
  softmax: softmax(),
  polynomial: polynomial({ power: 3 }),
};

/** Embedding, positions, pre-norm blocks and norm, and the head that follows them. */
export function transformer(mechanism: Mechanism, sizes: Sizes = tiny): { readonly body: Layer; readonly head: Layer } {
  const { width, heads, tokens, blocks, classes, causal } = sizes;
  return {
    body: sequence(
      embedding("token", { count: classes, width, deviation: 0.5 }),
      learnedPositions("position", { length: tokens, width }),
      ...Array.from({ length: blocks }, (_, i) => transformerBlock(`blocks.${i}`, { width, heads, mechanism, causal })),
      layerNorm("last", width),
    ),
    head: dense("head", { from: width, to: classes, deviation: 0.02 }),
  };
}

/** A byte model with next-token targets. */
export function byteModel(
  mechanism: Mechanism,
  sizes: Sizes = tiny,
): TrainerOptions & { readonly logits: ModelProgram } {
  const { body, head } = transformer(mechanism, sizes);
  const model = sequence(body, head);
  const logits: ModelProgram = (o, w, { tokens }) => ({ logits: model.apply(o, w, tokens!) });
  return {
    parameters: model.parameters,
    logits,
    loss: (o, w, batch) => ({ loss: crossEntropy(o, logits(o, w, batch).logits!, batch.targets!) }),
    schedule: constant(3e-3, { warmup: 5 }),
    seed: 1,
    decay: 0.01,
    clip: 1,
  };
}

/** Windows of a fixed sequence. */
export function byteBatch({ tokens, batch, classes }: Sizes = tiny, step = 0): Batch {
  const at = (i: number) => (i * i + 3 * i + step) % classes;
  const rows = Array.from({ length: batch * tokens }, (_, i) => at(i));
  const next = Array.from({ length: batch * tokens }, (_, i) => at(i + 1));
  return {
    tokens: { data: Float32Array.from(rows), shape: [batch, tokens] },
    targets: { data: oneHotRows(next, classes), shape: [batch, tokens, classes] },
  };
}
