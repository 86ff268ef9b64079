import type { Mechanism, Tensors } from "@attnkit/core";
import { knownAxisSize, type Ops } from "@attnkit/core/program";
import {
  attentionWeights,
  crossEntropy,
  dense,
  layerNorm,
  learnedPositions,
  type ModelProgram,
  meanOf,
  type Observer,
  parametersOf,
  powerOf,
  sequence,
  type Trained,
  transformerBlock,
} from "@attnkit/train";

export const WIDTH = 48;
export const HEADS = 3;
export const BLOCKS = 2;

/** The sizes of the input `x [B, tokens, channels]` and of the answer. */
export interface Sizes {
  readonly tokens: number;
  readonly channels: number;
  readonly classes: number;
}

/** A small vision transformer: tokens, learned positions, pre-norm blocks, and a mean over tokens. */
export interface VisionModel extends Trained {
  /** `x [B, tokens, channels]` to `logits [B, classes]`. */
  readonly logits: ModelProgram;
  /** `x` to the Frobenius norm of each block's weights, mean over examples and heads, by the block's number from 0. */
  readonly norms: ModelProgram;
}

export function visionModel(mechanism: Mechanism, { tokens, channels, classes }: Sizes): VisionModel {
  const blocks = Array.from({ length: BLOCKS }, (_, i) =>
    transformerBlock(`blocks.${i}`, { width: WIDTH, heads: HEADS, mechanism, mlp: { hidden: 2 * WIDTH } }),
  );
  const body = sequence(
    dense("token", { from: channels, to: WIDTH }),
    learnedPositions("position", { length: tokens, width: WIDTH, deviation: 0.3 }),
    ...blocks,
    layerNorm("last", WIDTH),
  );
  const head = dense("head", { from: WIDTH, to: classes, deviation: 0.02 });
  const answer: ModelProgram = (o, w, { x }) => {
    const y = body.apply(o, w, x!);
    return { logits: head.apply(o, w, o.reshape(o.mul(o.sum(y, 1), 1 / tokens), [-1, WIDTH])) };
  };
  return {
    parameters: parametersOf(body, head),
    logits: answer,
    loss: (o, w, batch) => ({ loss: crossEntropy(o, answer(o, w, batch).logits!, batch.targets!) }),
    norms<T>(o: Ops<T>, w: Tensors<T>, batch: Tensors<T>): Tensors<T> {
      const norms: T[] = [];
      const observe: Observer<T> = (_, { q, k }) => norms.push(meanNorm(o, attentionWeights(o, mechanism, { q, k })));
      body.apply(o, w, batch.x!, observe);
      return Object.fromEntries(norms.map((norm, i) => [String(i), norm]));
    },
  };
}

/** The mean Frobenius norm of matrices `[..., N, N]`, `[1]`. */
function meanNorm<T>(o: Ops<T>, x: T): T {
  const n = knownAxisSize(o, x, -1);
  const rows = o.reshape(x, [-1, n * n]);
  return meanOf(o, powerOf(o, o.add(o.sum(o.mul(rows, rows), -1), 1e-30), 0.5));
}
