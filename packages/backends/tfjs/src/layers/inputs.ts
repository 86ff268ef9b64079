import { AttentionError } from "@attnkit/core";
import type { Tensor } from "../tf.ts";
import { who } from "./arguments.ts";
import type { LayerShape } from "./types.ts";

/** Keras's order: query, value, key. What is left out is the one before it. A mask, where there is one, comes last. */
export interface Inputs<T> {
  readonly query: T;
  readonly value: T;
  readonly key: T;
  /** How many of these three were given. */
  readonly count: number;
  /** `[B, S]`, which keys are there, or `[B, Hq or 1, L, S]`, which query may attend to which key. */
  readonly mask: T | undefined;
}

/** What tf.layers knows of masks: of one input or of each, mostly nothing. */
export type Masks = Tensor | readonly (Tensor | null | undefined)[] | null | undefined;

interface Shaped {
  readonly shape: LayerShape;
}

/** Throws `ATTN_SHAPE`. */
export function inputsOf<T extends Shaped>(inputs: T | readonly T[]): Inputs<T> {
  const list = Array.isArray(inputs) ? (inputs as readonly T[]) : [inputs as T];
  const rank = (x: T | undefined) => x?.shape.length;
  // Sequences have rank 3, masks have not: their place in the list needs no filling up.
  const last = list.length > 1 ? list.at(-1) : undefined;
  const mask = rank(last) === 2 || rank(last) === 4 ? last : undefined;
  const sequences = mask ? list.slice(0, -1) : list;
  const count = sequences.length;
  if (count < 1 || count > 3 || !sequences.every((x) => rank(x) === 3)) {
    const shapes = list.map(({ shape }) => `[${shape.map((n) => n ?? "?").join(", ")}]`).join(", ");
    throw new AttentionError(
      "ATTN_SHAPE",
      who,
      `got ${shapes || "no input"}; expected query [B, L, channels], value and key [B, S, channels], and last, where there is one, a mask [B, S] or [B, Hq or 1, L, S]`,
    );
  }
  const [query, value = query, key = value] = sequences as [T, T?, T?];
  return { query, value, key, count, mask };
}

/**
 * The inputs without repetitions at their end: `[x, x, x] -> [x]`, `[q, v, v, mask] -> [q, v, mask]`. While predicting,
 * tf.layers disposes of a tensor too early that one layer takes twice and another one needs later.
 */
export function brief<T extends Shaped>(inputs: T | readonly T[]): T[] {
  const { query, value, key, mask } = inputsOf(inputs);
  const sequences = key !== value ? [query, value, key] : value !== query ? [query, value] : [query];
  return mask ? [...sequences, mask] : sequences;
}

/**
 * The masks of tf.layers that say which keys are there. Its executor hands a layer the mask of the first input alone, so
 * it is the keys' only where the query is also the value or the key.
 */
export function keyMasks({ query, value, key, count }: Inputs<Tensor>, masks: Masks): readonly Tensor[] {
  const self = value === query || key === query;
  const of = (list: readonly (Tensor | null | undefined)[]) => (count === 1 ? list.slice(0, 1) : list.slice(1, count));
  const found = Array.isArray(masks) ? of(masks) : self ? [masks as Tensor | null | undefined] : [];
  return [...new Set(found.filter((mask) => mask != null))];
}

/** A mask of tf.layers as `[B, S]`: its merging layers, such as `add`, put axes of size 1 in front. Throws `ATTN_SHAPE`. */
export function keyMaskShape(mask: Tensor, B: number, S: number): [number, number] {
  const at = mask.shape.findIndex((n) => n !== 1);
  const trailing = at < 0 ? [] : mask.shape.slice(at);
  const wanted = [B, S].slice([B, S].findIndex((n) => n !== 1));
  const same = B * S === 1 ? mask.size === 1 : trailing.join() === wanted.join();
  if (!same)
    throw new AttentionError(
      "ATTN_SHAPE",
      who,
      `tf.layers hands over a mask [${mask.shape.join(", ")}], expected [B, S] = [${B}, ${S}]; it is perhaps that of another layer: ${remedy}`,
    );
  return [B, S];
}

/** Throws `ATTN_UNSUPPORTED` where the masks that a call was given are not those of its inputs. */
export function checkMasks(used: readonly Tensor[], meant: readonly Tensor[]): void {
  if (used.length === meant.length && used.every((mask, i) => mask === meant[i])) return;
  const what =
    meant.length > used.length
      ? "tf.layers hands a layer the mask of its first input alone, so the mask of the keys would be ignored"
      : "tf.layers handed over the mask of another layer, although the keys have none";
  throw new AttentionError("ATTN_UNSUPPORTED", who, `${what}; ${remedy}`);
}

const remedy =
  "set useInputMask to false, and where keys are padded give their mask as the last input: apply([query, value, new PaddingMask().apply(tokens)])";
