import { multiHeadAttention } from "./attention.ts";
import { paddingMask } from "./padding.ts";
import type { AttentionLayers, Given } from "./types.ts";

export type { PaddingMaskArgs, PaddingMaskClass } from "./padding.ts";
export type { DecodeResult, MultiHeadAttention, MultiHeadAttentionArgs, MultiHeadAttentionClass } from "./public.ts";
export type { AttentionLayers, Given, MechanismEntry, Scores, TfLayers } from "./types.ts";

/**
 * Attention as layers of the caller's own tf.layers: `attentionLayers({ tf, layers: tf.layers, mechanisms: { linear } })`.
 * Nothing is registered: models that hold these layers load after `tf.serialization.registerClass` of each class.
 */
export function attentionLayers(given: Given): AttentionLayers {
  return { MultiHeadAttention: multiHeadAttention(given), PaddingMask: paddingMask(given) };
}
