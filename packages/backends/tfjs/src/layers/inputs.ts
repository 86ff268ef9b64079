import { AttentionError } from "@attnkit/core";
import { who } from "./arguments.ts";
import type { LayerShape } from "./types.ts";

/**
 * The inputs in Keras's order: query, value, key. A missing value is the query, a missing key is the value. A mask, if
 * given, comes last in the list.
 */
export interface Inputs<T> {
  readonly query: T;
  readonly value: T;
  readonly key: T;
  /** The number of sequences that were given: 1 to 3. */
  readonly count: number;
  /** `[B, S]`: which keys are present. `[B, L, S]` or `[B, Hq or 1, L, S]`: which query may attend to which key. */
  readonly mask: T | undefined;
}

/** A tensor, a symbolic tensor, or a shape only. */
export interface Shaped {
  readonly shape: LayerShape;
  readonly dtype?: string;
}

/** The numbers of channels that the projections were built for. */
export interface Channels {
  readonly query: number;
  readonly value: number;
  readonly key: number;
}

/** How to decide whether the last input is a mask or a sequence. */
export interface Reading {
  /** True: the last input is a mask. False: an input of rank 3 is a sequence, unless it is boolean or the fourth. */
  readonly lastIsMask: boolean | undefined;
  readonly channels: Channels | undefined;
  readonly numHeads: number;
  /** Earlier decisions for symbolic calls, by number of inputs. While the model runs, sizes may coincide by chance. */
  readonly told: ReadonlyMap<number, boolean | undefined>;
}

export const shown = (shape: LayerShape): string => `[${shape.map((n) => n ?? "?").join(", ")}]`;

const expected =
  "expected query [B, L, channels], value and key [B, S, channels], and last, where there is one, a mask [B, S], [B, L, S] or [B, Hq or 1, L, S]";

function refuse(code: "ATTN_SHAPE" | "ATTN_DATA", rule: string, list: readonly (Shaped | null | undefined)[]): never {
  const got = list.map((x) => (Array.isArray(x?.shape) ? `${x.dtype ?? ""}${shown(x.shape)}` : String(x)));
  throw new AttentionError(code, who, `${rule}; got ${got.join(", ") || "no input"}; ${expected}`);
}

/**
 * Assigns the inputs of a call to query, value, key and mask, and checks them. Throws `ATTN_SHAPE`, and `ATTN_DATA` if
 * an input is not a tensor of numbers.
 */
export function readInputs<T extends Shaped>(inputs: T | readonly T[], reading: Reading): Inputs<T> {
  const list = Array.isArray(inputs) ? (inputs as readonly T[]) : [inputs as T];
  list.forEach((x, i) => {
    if (!Array.isArray(x?.shape)) refuse("ATTN_DATA", `input ${i} is not a tensor`, list);
    if ((x as { isDisposed?: boolean }).isDisposed) refuse("ATTN_DATA", `input ${i} was disposed of`, list);
    const known = x.dtype === undefined || ["float32", "int32", "bool"].includes(x.dtype);
    if (!known) refuse("ATTN_DATA", `input ${i} has the type ${x.dtype}, not float32, int32 or bool`, list);
  });
  if (list.length < 1 || list.length > 4)
    refuse("ATTN_SHAPE", `the layer takes 1 to 4 tensors, not ${list.length} inputs`, list);
  const last = endsInMask(list, reading);
  const sequences = last ? list.slice(0, -1) : list;
  sequences.forEach((x, i) => {
    const name = names[i];
    if (x.shape.length !== 3) refuse("ATTN_SHAPE", `the ${name} has rank ${x.shape.length}, not 3`, list);
    if (x.dtype === "bool")
      refuse("ATTN_DATA", `the ${name} is boolean; only the last input, a mask, may be boolean`, list);
    if (x.shape[2] == null) refuse("ATTN_SHAPE", `the ${name} has an unknown number of channels`, list);
  });
  const [query, value = query, key = value] = sequences as [T, T?, T?];
  const given = { query, value, key, count: sequences.length, mask: last ? list.at(-1) : undefined };
  check(given, reading, (rule) => refuse("ATTN_SHAPE", rule, list));
  return given;
}

const names = ["query", "value", "key"] as const;

/** Returns whether two sizes may be equal. null is a size that is not known yet. */
const may = (a: number | null | undefined, b: number | null | undefined) => a == null || b == null || a === b;

function endsInMask(list: readonly Shaped[], { lastIsMask, channels, told }: Reading): boolean {
  const last = list.at(-1) as Shaped;
  const rank = last.shape.length;
  if (list.length === 1) return false;
  if (lastIsMask === true || rank !== 3 || list.length === 4 || last.dtype === "bool") return true;
  if (lastIsMask === false || list.slice(0, -1).includes(last)) return false;
  // The last input has rank 3 and is not boolean. It stands where a value or a key may stand.
  const [query, value = query] = list.slice(0, -1) as [Shaped, Shaped?];
  const [B, n, c] = last.shape;
  const [L, own] = [query.shape[1], query.shape[2]];
  const [S, others] = [value.shape[1], value.shape[2]];
  const third = list.length === 3;
  const fits = channels === undefined || c === (third ? channels.key : channels.value);
  const sequence = c != null && may(B, query.shape[0]) && (!third || may(n, S)) && fits;
  const rows = may(n, L) || n === 1;
  const alone = channels === undefined || (others === channels.key && (third || own === channels.value));
  // The last axis of a mask is S. If S is not known yet, an input with a known last size is a sequence.
  const mask = (c === S || (c == null && S != null)) && rows && (may(B, query.shape[0]) || B === 1) && alone;
  if (sequence !== mask) return mask;
  const before = told.get(list.length);
  if (before !== undefined) return before;
  // Usually a value has as many channels as the query, and in Keras a mask is never the second input.
  if (sequence && !third && c === own) return false;
  const place = third ? "key" : "value";
  return refuse(
    "ATTN_SHAPE",
    sequence
      ? `the last input may be the ${place}, of ${c} channels, or a mask [B, L, S]: make a mask boolean or [B, 1, L, S], pass { attentionMask } or { value, key }, or construct the layer with lastIsMask: true or false`
      : `the last input is neither a ${place} nor a mask of this query and value${channels ? `, and the layer was built for ${channels.query} channels of queries, ${channels.value} of values and ${channels.key} of keys` : ""}`,
    list,
  );
}

function check(
  { query, value, key, mask }: Inputs<Shaped>,
  { channels, numHeads }: Reading,
  fail: (rule: string) => never,
): void {
  const [B, L] = query.shape;
  const S = key.shape[1];
  const parts = { query, value, key };
  for (const name of names) {
    const [b, , c] = parts[name].shape;
    if (!may(b, B)) fail(`the query has B = ${B} and the ${name} has B = ${b}`);
    if (channels && c !== channels[name])
      fail(`the ${name} has ${c} channels and the layer was built for ${channels[name]}`);
  }
  if (!may(S, value.shape[1])) fail(`the value has S = ${value.shape[1]} tokens and the key has S = ${S}`);
  if (mask) checkMask(mask.shape, { B, Hq: numHeads, L, S }, fail);
}

/** The sizes that a mask must have. */
export interface MaskSizes {
  readonly B: number | null | undefined;
  readonly Hq: number;
  readonly L: number | null | undefined;
  readonly S: number | null | undefined;
}

/** Calls `fail` with the rule that a mask breaks. */
export function checkMask(
  shape: LayerShape,
  { B, Hq, L, S }: MaskSizes,
  fail: (rule: string) => never,
  rank?: number,
): void {
  if (rank !== undefined && shape.length !== rank) fail(`the mask has rank ${shape.length}, not ${rank}`);
  const wanted = { 2: [B, S], 3: [B, L, S], 4: [B, Hq, L, S] }[shape.length];
  if (!wanted) fail(`the mask has rank ${shape.length}, not 2, 3 or 4`);
  // A key mask does not broadcast: [1, S] for several sequences is more often a mistake.
  const fits = shape.every((n, i) => may(n, wanted[i]) || (n === 1 && shape.length > 2));
  const axes = { 2: "[B, S]", 3: "[B, L, S]", 4: "[B, Hq, L, S]" }[shape.length];
  if (!fits) fail(`the mask ${shown(shape)} does not fit ${axes} = ${shown(wanted as LayerShape)}`);
}

/**
 * Returns the inputs of a symbolic call as the model stores them, without repetitions at the end: `[x, x, x] -> [x]`,
 * `[q, v, v, mask] -> [q, v, mask]`.
 * In predict, tf.layers disposes of a tensor too early if one layer takes it twice and another layer needs it later.
 *
 * @throws `ATTN_SHAPE` if the saved and loaded model would interpret them differently.
 */
export function brief<T extends Shaped>({ query, value, key, mask }: Inputs<T>, reading: Reading): T[] {
  const sequences = key !== value ? [query, value, key] : value !== query ? [query, value] : [query];
  const short = mask ? [...sequences, mask] : sequences;
  const again = readInputs(short, reading).mask !== undefined;
  if (again === (mask !== undefined)) return short;
  const [wrong, right] = again ? ["a mask", "a sequence"] : ["a sequence", "a mask"];
  return refuse(
    "ATTN_SHAPE",
    `a model would take the last input for ${wrong}, not ${right}: construct the layer with lastIsMask: ${!again}`,
    short,
  );
}

/** Returns the shapes as a list. tf.layers passes one shape, or a list of them. */
export const shapesOf = (shape: LayerShape | LayerShape[]): { shape: LayerShape }[] =>
  (Array.isArray(shape[0]) ? (shape as LayerShape[]) : [shape as LayerShape]).map((one) => ({ shape: one }));
