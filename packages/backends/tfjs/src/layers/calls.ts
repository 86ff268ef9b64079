import { AttentionError } from "@attnkit/core";
import { requireOption } from "@attnkit/core/program";
import { who } from "./arguments.ts";
import { type Inputs, type Reading, readInputs, type Shaped, shown } from "./inputs.ts";
import type { Masks } from "./masks.ts";

/** The arguments of a call that the layer accepts, named as in Keras and tf.layers. */
const known = ["value", "key", "attentionMask", "useCausalMask", "returnAttentionScores", "training", "mask"] as const;
type Name = (typeof known)[number];
/** Recurrent layers of tf.layers add these to the arguments that all layers of a running model share. */
const leaked = ["initialState", "constants"];

export interface Call<T> {
  readonly inputs: Inputs<T>;
  /** The inputs as a list, in Keras's order. */
  readonly list: readonly T[];
  readonly training: boolean;
  readonly masks: Masks;
}

/** The arguments of the layer that a call may repeat but not change. */
interface Fixed {
  readonly useCausalMask: boolean;
  readonly returnAttentionScores: boolean;
}

/**
 * Reads the inputs and arguments of a call. `value`, `key` and `attentionMask` are added to the inputs.
 *
 * @throws `ATTN_OPTION` if the layer does not know an argument; `ATTN_UNSUPPORTED` if tf.layers would drop it; and what
 * `readInputs` throws.
 */
export function readCall<T extends Shaped>(
  given: T | readonly T[],
  kwargs: object | null | undefined,
  how: { readonly reading: Reading; readonly fixed: Fixed; readonly symbolic: boolean },
): Call<T> {
  const present = Object.entries(kwargs ?? {}).filter(([name, x]) => x != null && !leaked.includes(name));
  const { value, key, attentionMask, training, mask, ...rest } = Object.fromEntries(present) as {
    [K in Name]?: unknown;
  };
  for (const [name, x] of Object.entries(rest)) {
    const own = name === "useCausalMask" || name === "returnAttentionScores";
    requireOption(own, who, `${name} of a call`, describe(x), `one of ${known.join(", ")}`);
    requireOption(typeof x === "boolean", who, `${name} of a call`, describe(x), "true or false");
    const set = how.fixed[name as keyof Fixed];
    if (x !== set)
      unsupported(
        `${name} belongs to the layer, because tf.layers drops it from the calls of a model; got ${x} in a call and ${set} in the layer, expected the same: construct the layer with ${name}: ${x}`,
      );
  }
  requireOption(
    training === undefined || typeof training === "boolean",
    who,
    "training of a call",
    describe(training),
    "true or false",
  );
  if (how.symbolic)
    for (const [name, x, instead] of [
      ["training", training, "leave it out: fit sets it, and predict does not"],
      ["mask", mask, "give the mask as the last input"],
    ])
      if (x !== undefined)
        unsupported(
          `tf.layers drops ${name} from the call of a layer in a model; got ${name}, expected none: ${instead}`,
        );
  const base = Array.isArray(given) ? (given as readonly T[]) : [given as T];
  const named = value !== undefined || key !== undefined;
  const alone = !named || (base.length === 1 && value !== undefined);
  requireOption(
    alone,
    who,
    "value and key of a call",
    `given together with ${base.length} inputs`,
    "both among the inputs, or the query as the only input with { value } or { value, key }",
  );
  const sequences = named ? ([...base, value, ...(key === undefined ? [] : [key])] as T[]) : base;
  const explicit = named ? { ...how.reading, lastIsMask: false } : how.reading;
  const bare = readInputs(sequences, explicit);
  if (named && bare.mask) refuseShape(`value and key of a call have rank 3 and hold numbers, not masks`, sequences);
  const masks = checkMasks(mask, bare.count, base.length);
  if (attentionMask === undefined) return { inputs: bare, list: sequences, training: training === true, masks };
  requireOption(
    !bare.mask,
    who,
    "attentionMask of a call",
    "given together with a mask among the inputs",
    "one of the two",
  );
  const list = [...sequences, attentionMask as T];
  const rank = (attentionMask as Shaped).shape?.length;
  if (rank === 2)
    refuseShape(
      "attentionMask has rank 2, which does not say whether its first axis counts sequences or queries; give a mask of keys [B, S] as the last input",
      list,
    );
  const inputs = readInputs(list, { ...how.reading, lastIsMask: true });
  return { inputs, list, training: training === true, masks };
}

function checkMasks(mask: unknown, count: number, inputs: number): Masks {
  for (const one of Array.isArray(mask) ? mask : [mask])
    if (one != null && !Array.isArray((one as Shaped).shape))
      throw new AttentionError(
        "ATTN_DATA",
        who,
        `mask of a call is not a tensor; got ${JSON.stringify(one)}, expected a mask [B, S], or a list with a mask or null for each of query, value and key`,
      );
  if (Array.isArray(mask) && mask.length !== count && mask.length !== inputs)
    throw new AttentionError(
      "ATTN_SHAPE",
      who,
      `mask of a call must have one entry per input; got ${mask.length} masks for ${count} inputs, expected a mask or null for each`,
    );
  return mask as Masks;
}

function refuseShape(rule: string, list: readonly Shaped[]): never {
  const got = list.map((x) => (Array.isArray(x?.shape) ? `${x.dtype ?? ""}${shown(x.shape)}` : String(x)));
  throw new AttentionError(
    "ATTN_SHAPE",
    who,
    `${rule}; got ${got.join(", ")}, expected a mask [B, L, S] or [B, Hq or 1, L, S]`,
  );
}

function unsupported(rule: string): never {
  throw new AttentionError("ATTN_UNSUPPORTED", who, rule);
}

/** Returns a value as it is shown in a message: tensors by their shape. */
function describe(x: unknown): unknown {
  const { shape } = (x ?? {}) as { shape?: unknown };
  return Array.isArray(shape) ? `a tensor [${shape.join(", ")}]` : x;
}

/** Throws `ATTN_UNSUPPORTED`: the layer has no weights yet. */
export function unbuilt(): never {
  throw new AttentionError(
    "ATTN_UNSUPPORTED",
    who,
    "the layer has no weights yet; call apply first, on the layer or on a model that contains it",
  );
}
