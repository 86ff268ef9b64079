import { AttentionError } from "@attnkit/core";
import type { Tensor } from "../tf.ts";
import { who } from "./arguments.ts";
import type { Inputs } from "./inputs.ts";

/** The masks that tf.layers passes: one for the first input, one per input, or none. */
export type Masks = Tensor | readonly (Tensor | null | undefined)[] | null | undefined;

/**
 * Returns the masks of tf.layers that apply to keys. tf.layers' executor passes only the mask of the first input, which
 * is the query. It is a mask of the keys only if the query is also the value or the key.
 */
export function keyMasks({ query, value, key, count }: Inputs<Tensor>, masks: Masks): readonly Tensor[] {
  const self = value === query || key === query;
  const of = (list: readonly (Tensor | null | undefined)[]) => (count === 1 ? list.slice(0, 1) : list.slice(1, count));
  const found = Array.isArray(masks) ? of(masks) : self ? [masks as Tensor | null | undefined] : [];
  return [...new Set(found.filter((mask) => mask != null))];
}

/**
 * Returns the masks that tf.layers attached to the outputs of its layers in eager calls, for example of
 * `embedding({ maskZero: true })`. Throws `ATTN_UNSUPPORTED` if such a mask was disposed of.
 */
export function attachedMasks({ query, value, key, count }: Inputs<Tensor>): readonly (Tensor | null)[] {
  return [query, value, key].slice(0, count).map((x) => {
    const { kerasMask } = x as Tensor & { readonly kerasMask?: Tensor | null };
    if (kerasMask?.isDisposed)
      throw new AttentionError(
        "ATTN_UNSUPPORTED",
        who,
        `tf.layers disposed of the mask that it attached to an input [${x.shape.join(", ")}]; ${remedy}`,
      );
    return kerasMask ?? null;
  });
}

/**
 * Checks that a mask of tf.layers fits `[B, S]`. Its merging layers, such as `add`, prepend axes of size 1. Throws
 * `ATTN_SHAPE`.
 */
export function keyMaskShape(mask: Tensor, B: number, S: number): [number, number] {
  const at = mask.shape.findIndex((n) => n !== 1);
  const trailing = at < 0 ? [] : mask.shape.slice(at);
  const wanted = [B, S].slice([B, S].findIndex((n) => n !== 1));
  const same = B * S === 1 ? mask.size === 1 : trailing.join() === wanted.join();
  if (!same)
    throw new AttentionError(
      "ATTN_SHAPE",
      who,
      `a mask of tf.layers does not fit the keys, perhaps because it belongs to another layer; got [${mask.shape.join(", ")}], expected [B, S] = [${B}, ${S}]: ${remedy}`,
    );
  return [B, S];
}

/** Throws `ATTN_UNSUPPORTED` if the masks that a call used are not the masks of its inputs. */
export function checkMasks(used: readonly Tensor[], meant: readonly Tensor[]): void {
  if (used.length === meant.length && used.every((mask, i) => mask === meant[i])) return;
  const what =
    meant.length > used.length
      ? "tf.layers passes a layer only the mask of its first input, so the mask of the keys would be ignored"
      : "tf.layers passed the mask of another layer, although the keys have none";
  throw new AttentionError(
    "ATTN_UNSUPPORTED",
    who,
    `${what}; got ${used.length} masks for the keys, expected ${meant.length}: ${remedy}`,
  );
}

const remedy =
  "set useInputMask to false. If keys are padded, pass their mask as the last input: apply([query, value, new PaddingMask().apply(tokens)])";
