import type { Mechanism, State } from "@attnkit/core";
import type { Tensor } from "../tf.ts";
import type { Given, Layer, LayerArgs, WeightArgs } from "./types.ts";

export interface MultiHeadAttentionArgs extends LayerArgs, WeightArgs {
  /** A mechanism, or the name of one that `attentionLayers` was given. */
  readonly mechanism: Mechanism | string;
  /** Plain-data options of a mechanism that is named. */
  readonly mechanismOptions?: object;
  /** Hq, heads of queries. */
  readonly numHeads: number;
  /** Hkv, heads of keys and values, a divisor of `numHeads`; default `numHeads`. */
  readonly numKvHeads?: number;
  /** d, channels of queries and keys in each head. */
  readonly keyDim: number;
  /** dv, channels of values in each head; default `keyDim`. */
  readonly valueDim?: number;
  /** Channels of the output; default those of the query. */
  readonly outputShape?: number;
  /** A query sees the keys up to its own position only; default false. */
  readonly useCausalMask?: boolean;
  /** Whether projections add a bias; default true. */
  readonly useBias?: boolean;
  /** Share of what is set to 0 while training, the rest scaled up; default 0. */
  readonly dropout?: number;
  /**
   * What `dropout` thins out: the weights (default; needs `scores`, and makes the matrix `[B, Hq, L, S]`), or what comes
   * out of the heads, before it is projected, which any mechanism has.
   */
  readonly dropoutOn?: "weights" | "output";
  /** Return `[y, weights]`, the weights `[B, Hq, L, S]` before dropout; needs `scores`. Default false. */
  readonly returnAttentionScores?: boolean;
  /** Take masks of tf.layers as key masks; default true. Where false, only a mask among the inputs counts. */
  readonly useInputMask?: boolean;
  /**
   * True: the last of several inputs is a mask. False: one of rank 3 is none, unless it is boolean or the fourth. Default:
   * type and shape tell, and where they cannot a call throws `ATTN_SHAPE`.
   */
  readonly lastIsMask?: boolean;
  /** As in `attention`; default `"prefer"`. */
  readonly kernels?: "prefer" | "require" | "never";
}

export interface DecodeResult {
  /** `[B, L, channels]` */
  readonly y: Tensor;
  readonly state: State<Tensor>;
}

/**
 * `apply(query)`, `apply([query, value])` or `apply([query, value, key])`, Keras's order, `query [B, L, channels]`, `value`
 * and `key [B, S, channels]`; last in the list a mask may follow. `[B, S]` says which keys are there, and masks of tf.layers
 * then do not count. `[B, L, S]` and `[B, Hq or 1, L, S]` say which query may attend to which key, where the mechanism takes that.
 * Arguments of a call: `value`, `key` and `attentionMask`, which join the inputs, and, outside models, `mask` and `training`.
 */
export interface MultiHeadAttention extends Layer {
  readonly mechanism: Mechanism;
  /**
   * The next tokens of causal self-attention, one or many, `x [B, L, channels]`; `state` is what the last call returned.
   * `keyMask [B, L]` removes tokens. Both results are the caller's to dispose of, as is the old state: `tf.dispose(state)`.
   * Throws `ATTN_UNSUPPORTED` where the layer is not causal or not built, and `ATTN_SHAPE` or `ATTN_DATA` where `x` or
   * `keyMask` does not fit.
   */
  decode(x: Tensor, state?: State<Tensor>, keyMask?: Tensor): DecodeResult;
}

export interface MultiHeadAttentionClass {
  new (args: MultiHeadAttentionArgs): MultiHeadAttention;
  readonly className: string;
  readonly fromConfig: Given["layers"]["Layer"]["fromConfig"];
}
