import type { Mechanism } from "@attnkit/core";
import { knownAxisSize } from "@attnkit/core/program";
import {
  crossEntropy,
  dense,
  embedding,
  type Layer,
  layerNorm,
  learnedPositions,
  type ModelProgram,
  sequence,
  type Trained,
  transformerBlock,
} from "@attnkit/train";

export const WIDTH = 48;
export const HEADS = 3;
export const BLOCKS = 2;

/** A causal model of sequences of numbers below `classes`. */
export interface Model extends Trained {
  /** `tokens [B, N]` to `logits [B, N, classes]`. */
  readonly logits: ModelProgram;
}

/**
 * Makes a transformer with token shift: each token also reads the one before it, as the position recurrence of the
 * paper's model allows, so that one block can look up what followed an earlier token.
 */
export function languageModel(mechanism: Mechanism, { classes, tokens }: { classes: number; tokens: number }): Model {
  const blocks = Array.from({ length: BLOCKS }, (_, i) => [
    tokenShift(`blocks.${i}.shift`),
    transformerBlock(`blocks.${i}`, {
      width: WIDTH,
      heads: HEADS,
      mechanism,
      causal: true,
      mlp: { hidden: 2 * WIDTH },
      outputScale: 0.25,
    }),
  ]);
  const whole = sequence(
    embedding("token", { count: classes, width: WIDTH, deviation: 0.3 }),
    learnedPositions("position", { length: tokens, width: WIDTH }),
    ...blocks.flat(),
    layerNorm("last", WIDTH),
    dense("head", { from: WIDTH, to: classes, deviation: 0.02 }),
  );
  return {
    parameters: whole.parameters,
    logits: (o, w, batch) => ({ logits: whole.apply(o, w, batch.tokens!) }),
    loss: (o, w, batch) => ({ loss: crossEntropy(o, whole.apply(o, w, batch.tokens!), batch.targets!) }),
  };
}

/** Makes the layer `x_t + mix * x_{t-1}` with one trained factor per channel, `x [B, N, WIDTH]`. */
function tokenShift(name: string): Layer {
  const mix = `${name}.mix`;
  return {
    parameters: [{ name: mix, shape: [WIDTH], init: { constant: 0.5 } }],
    apply(o, w, x) {
      const n = knownAxisSize(o, x, 1);
      const first = o.mul(o.slice(x, 1, 0, 1), 0);
      return o.add(x, o.mul(o.concat([first, o.slice(x, 1, 0, n - 1)], 1), w[mix]!));
    },
  };
}
