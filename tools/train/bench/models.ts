import type { Mechanism } from "@attnkit/core";
import { normals } from "@attnkit/measure/random";
import {
  type Batch,
  constant,
  crossEntropy,
  dense,
  layerNorm,
  learnedPositions,
  oneHotRows,
  parametersOf,
  sequence,
  type TrainerOptions,
  transformerBlock,
} from "@attnkit/train";
import { byteBatch, byteModel, type Sizes } from "../test/tiny.ts";

/** A small vision transformer: 64 patches of 4 values, 2 pre-norm blocks of 48 channels and 3 heads, 10 classes. */
export function vision(mechanism: Mechanism): TrainerOptions {
  const [patches, positions] = [
    dense("patch", { from: 16, to: 48 }),
    learnedPositions("position", { length: 64, width: 48 }),
  ];
  const blocks = [0, 1].map((i) => transformerBlock(`blocks.${i}`, { width: 48, heads: 3, mechanism }));
  const body = sequence(patches, positions, ...blocks, layerNorm("last", 48));
  const head = dense("head", { from: 48, to: 10, deviation: 0.02 });
  return {
    parameters: parametersOf(body, head),
    loss(o, w, batch) {
      const x = body.apply(o, w, batch.images!); // [B, 64, 48]
      const pooled = o.mul(o.sum(x, 1), 1 / 64);
      const logits = head.apply(o, w, o.reshape(pooled, [-1, 48]));
      return { loss: crossEntropy(o, logits, batch.targets!) };
    },
    schedule: constant(1e-3),
    seed: 1,
    decay: 0.01,
    clip: 1,
  };
}

export function visionBatch(batch = 32): Batch {
  const normal = normals(3);
  return {
    images: { data: Float32Array.from({ length: batch * 64 * 16 }, normal), shape: [batch, 64, 16] },
    targets: {
      data: oneHotRows(
        Array.from({ length: batch }, (_, i) => i % 10),
        10,
      ),
      shape: [batch, 10],
    },
  };
}

/** A causal byte model: 96 tokens, 256 classes. */
export const bytes: Sizes = { width: 48, heads: 3, tokens: 96, batch: 32, blocks: 2, classes: 256, causal: true };
export const language = (mechanism: Mechanism): TrainerOptions => byteModel(mechanism, bytes);
export const languageBatch = (): Batch => byteBatch(bytes);
