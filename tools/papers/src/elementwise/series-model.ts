import type { Mechanism } from "@attnkit/core";
import { knownAxisSize, type Ops } from "@attnkit/core/program";
import { dense, learnedPositions, type ModelProgram, type Parameter, sequence, transformerBlock } from "@attnkit/train";

/** Channels, heads and blocks. Heads change softmax alone: the channels of element-wise attention are independent. */
export const WIDTH = 32;
export const HEADS = 4;
export const BLOCKS = 2;

export interface SeriesShape {
  /** Channels and tokens of the input. */
  readonly channels: number;
  readonly tokens: number;
  /** Values of the answer: days ahead or classes. */
  readonly outputs: number;
  /** True: causal, answered from the last token. False: answered from the mean over tokens. */
  readonly causal: boolean;
}

export interface SeriesModel {
  readonly parameters: readonly Parameter[];
  /** `series [B, tokens, channels]` to `answer [B, outputs]`. */
  readonly answer: ModelProgram;
}

/** Makes a transformer of time series with the normalisation behind each residual connection, as in the paper. */
export function seriesModel(mechanism: Mechanism, { channels, tokens, outputs, causal }: SeriesShape): SeriesModel {
  const block = (i: number) =>
    transformerBlock(`blocks.${i}`, { width: WIDTH, heads: HEADS, mechanism, causal, bias: true, placement: "post" });
  const body = sequence(
    dense("embed", { from: channels, to: WIDTH }),
    learnedPositions("position", { length: tokens, width: WIDTH, deviation: 0.1 }),
    ...Array.from({ length: BLOCKS }, (_, i) => block(i)),
  );
  const head = dense("head", { from: WIDTH, to: outputs });
  return {
    parameters: [...body.parameters, ...head.parameters],
    answer(o, w, { series }) {
      const tokensOut = body.apply(o, w, series!);
      return { answer: head.apply(o, w, causal ? lastToken(o, tokensOut) : meanToken(o, tokensOut)) };
    },
  };
}

/** `[B, N, WIDTH] -> [B, WIDTH]` */
function lastToken<T>(o: Ops<T>, x: T): T {
  const n = knownAxisSize(o, x, 1);
  return o.reshape(o.slice(x, 1, n - 1, n), [-1, WIDTH]);
}

/** `[B, N, WIDTH] -> [B, WIDTH]` */
function meanToken<T>(o: Ops<T>, x: T): T {
  return o.reshape(o.mul(o.sum(x, 1), 1 / knownAxisSize(o, x, 1)), [-1, WIDTH]);
}
