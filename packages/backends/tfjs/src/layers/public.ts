import type { Mechanism, State } from "@attnkit/core";
import type { Tensor } from "../tf.ts";
import type { Given, Layer, LayerArgs, WeightArgs } from "./types.ts";

export interface MultiHeadAttentionArgs extends LayerArgs, WeightArgs {
  /** A mechanism, or the name of one that was given to `attentionLayers`. */
  readonly mechanism: Mechanism | string;
  /** Options of the mechanism if it is given by name, as plain data. */
  readonly mechanismOptions?: object;
  /** Hq, the number of query heads. */
  readonly numHeads: number;
  /** Hkv, the number of key and value heads, a divisor of `numHeads`. Default: `numHeads`. */
  readonly numKvHeads?: number;
  /** d, the number of channels of queries and keys per head. */
  readonly keyDim: number;
  /** dv, the number of channels of values per head. Default: `keyDim`. */
  readonly valueDim?: number;
  /** The number of channels of the output. Default: that of the query. */
  readonly outputShape?: number;
  /** Each query sees only keys up to its own position. Default: false. */
  readonly useCausalMask?: boolean;
  /** Projections add a bias. Default: true. */
  readonly useBias?: boolean;
  /** The fraction that is set to 0 in training, >= 0 and < 1. The rest is scaled up. Default: 0. */
  readonly dropout?: number;
  /**
   * The target of `dropout`. `"weights"` (default) needs `scores` and computes the matrix `[B, Hq, L, S]`. `"output"`
   * is the output of the heads before its projection, and works with every mechanism.
   */
  readonly dropoutOn?: "weights" | "output";
  /** Return `[y, weights]`, with the weights `[B, Hq, L, S]` before dropout. Needs `scores`. Default: false. */
  readonly returnAttentionScores?: boolean;
  /** Use masks of tf.layers as key masks. Default: true. If false, only a mask among the inputs is used. */
  readonly useInputMask?: boolean;
  /**
   * True: the last of several inputs is a mask. False: an input of rank 3 is a sequence, unless it is boolean or the
   * fourth. Default: type and shape decide, and a call throws `ATTN_SHAPE` if they are ambiguous.
   */
  readonly lastIsMask?: boolean;
  /** As in `attention`. Default: `"prefer"`. */
  readonly kernels?: "prefer" | "require" | "never";
}

export interface DecodeResult {
  /** The output `[B, L, channels]`. */
  readonly y: Tensor;
  readonly state: State<Tensor>;
}

/**
 * A multi-head attention layer. The inputs are in Keras's order: `apply(query)`, `apply([query, value])` or
 * `apply([query, value, key])`, with `query [B, L, channels]` and `value`, `key [B, S, channels]`.
 *
 * A mask may be the last input. `[B, S]` says which keys are present; masks of tf.layers are then ignored. `[B, L, S]`
 * and `[B, Hq or 1, L, S]` say which query may attend to which key, if the mechanism supports that.
 *
 * Arguments of a call are `value`, `key` and `attentionMask`, which are added to the inputs. Outside models, also
 * `mask` and `training`.
 */
export interface MultiHeadAttention extends Layer {
  readonly mechanism: Mechanism;
  /**
   * Computes the next tokens of causal self-attention.
   *
   * @param x One or more tokens, `[B, L, channels]`.
   * @param state The state that the previous call returned. Absent for the first call.
   * @param keyMask `[B, L]`, false for tokens to ignore.
   * @returns `y` and the new state. The caller disposes of both, and of the old state: `tf.dispose(state)`.
   * @throws `ATTN_UNSUPPORTED` if the layer is not causal or not built; `ATTN_SHAPE` or `ATTN_DATA` if `x` or `keyMask`
   * does not fit.
   */
  decode(x: Tensor, state?: State<Tensor>, keyMask?: Tensor): DecodeResult;
}

export interface MultiHeadAttentionClass {
  new (args: MultiHeadAttentionArgs): MultiHeadAttention;
  readonly className: string;
  readonly fromConfig: Given["layers"]["Layer"]["fromConfig"];
}
