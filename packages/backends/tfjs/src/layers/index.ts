import { knownOptions, requireOption } from "@attnkit/core/program";
import { multiHeadAttention } from "./attention.ts";
import { type PaddingMaskClass, paddingMask } from "./padding.ts";
import type { MultiHeadAttentionClass } from "./public.ts";
import type { Given } from "./types.ts";

export type { PaddingMaskArgs, PaddingMaskClass } from "./padding.ts";
export type { DecodeResult, MultiHeadAttention, MultiHeadAttentionArgs, MultiHeadAttentionClass } from "./public.ts";
export type { Given, MechanismEntry, Scores, TfLayers } from "./types.ts";

export interface AttentionLayers {
  readonly MultiHeadAttention: MultiHeadAttentionClass;
  readonly PaddingMask: PaddingMaskClass;
}

/**
 * Makes attention layers for the caller's own tf.layers. They are not registered: to load a saved model, call
 * `tf.serialization.registerClass` for each class first.
 *
 * @throws `ATTN_OPTION` if an argument is missing, unknown or invalid.
 * @example
 * ```ts
 * const { MultiHeadAttention } = attentionLayers({ tf, layers: tf.layers, mechanisms: { linear } });
 * const layer = new MultiHeadAttention({ mechanism: "linear", numHeads: 8, keyDim: 64 });
 * ```
 */
export function attentionLayers(given: Given): AttentionLayers {
  const who = "attentionLayers";
  requireOption(typeof given === "object" && given !== null, who, "arguments", given, "{ tf, layers, mechanisms }");
  knownOptions(who, given, ["tf", "layers", "mechanisms"]);
  const { tf, layers, mechanisms = {} } = given;
  requireOption(typeof tf?.tidy === "function", who, "tf", kind(tf), "tf of @tensorflow/tfjs or @tensorflow/tfjs-core");
  const found = typeof layers?.Layer === "function" && typeof layers.dense === "function";
  requireOption(found, who, "layers", kind(layers), "tf.layers, or layers of @tensorflow/tfjs-layers");
  for (const [name, entry] of Object.entries(mechanisms)) {
    const create = typeof entry === "function" ? entry : entry?.create;
    const wanted = "a function that makes a mechanism, or { create, scores } with one";
    requireOption(typeof create === "function", who, `mechanisms.${name}`, kind(entry), wanted);
  }
  return { MultiHeadAttention: multiHeadAttention(given), PaddingMask: paddingMask(given) };
}

/** Returns a value as it is shown in a message: whole modules would be too long. */
const kind = (x: unknown): unknown => (typeof x === "object" && x !== null ? "an object without it" : x);
