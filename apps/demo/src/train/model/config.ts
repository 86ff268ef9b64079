import type { Options } from "@attnkit/core";
import * as kit from "@attnkit/train";

/** Sizes of the model and the mechanism in it: plain data that a weight file carries. */
export interface ModelConfig {
  /** Its name in the catalog. */
  readonly mechanism: string;
  readonly options: Options;
  readonly layers: number;
  readonly heads: number;
  /** Channels of the residual stream, C; a multiple of `heads`. */
  readonly width: number;
  /** Tokens of a training window, T. Generation may go on beyond it. */
  readonly context: number;
}

/** Bytes. */
export const VOCABULARY = 256;
/** Channels between the two matrices of the MLP, as a multiple of `width`. */
const EXPANSION = 4;

/**
 * Every parameter in the order of the flat vector that holds them all. Matrices are `[in, out]`. The output projections
 * of a layer start smaller by the root of how many of them add up in the residual stream (Radford et al. 2019, 2.3).
 */
export function parameters({ layers, width: C, heads }: ModelConfig): kit.Parameter[] {
  const gain = (name: string, size = C): kit.Parameter => ({ name, shape: [size], init: { constant: 1 } });
  const matrix = (name: string, from: number, to: number, scale = 1): kit.Parameter => ({
    name,
    shape: [from, to],
    init: { deviation: scale / Math.sqrt(from) },
  });
  const last = 1 / Math.sqrt(2 * layers);
  const block = (i: number): kit.Parameter[] => [
    gain(`blocks.${i}.attention.norm`),
    ...["query", "key", "value"].map((of) => ({
      name: `blocks.${i}.attention.${of}.mix`,
      shape: [C],
      init: { constant: 0.5 },
    })),
    ...["query", "key", "value"].map((of) => matrix(`blocks.${i}.attention.${of}`, C, C)),
    gain(`blocks.${i}.attention.query.norm`, C / heads),
    gain(`blocks.${i}.attention.key.norm`, C / heads),
    gain(`blocks.${i}.attention.output.norm`),
    matrix(`blocks.${i}.attention.output`, C, C, last),
    gain(`blocks.${i}.mlp.norm`),
    matrix(`blocks.${i}.mlp.up`, C, EXPANSION * C),
    matrix(`blocks.${i}.mlp.down`, EXPANSION * C, C, last),
  ];
  return [
    { name: "embedding", shape: [VOCABULARY, C], init: { deviation: 0.5 / Math.sqrt(C) } },
    ...Array.from({ length: layers }, (_, i) => block(i)).flat(),
    gain("norm"),
  ];
}

export const parameterCount = (config: ModelConfig): number => kit.parameterCount(parameters(config));

/** First weights, flat. Equal for every mechanism of the same sizes: the seed alone decides. */
export const initialise = (config: ModelConfig, seed: number): Float32Array => kit.initialise(parameters(config), seed);

/** Returns the first error in the sizes as a sentence, or undefined if there is none. */
export function fault({ layers, heads, width, context }: ModelConfig): string | undefined {
  const within = (name: string, n: number, low: number, high: number) =>
    Number.isInteger(n) && n >= low && n <= high
      ? undefined
      : `${name} is ${n}; expected a whole number from ${low} to ${high}`;
  return (
    within("layers", layers, 1, 12) ??
    within("heads", heads, 1, 32) ??
    within("width", width, 4, 1024) ??
    within("context", context, 2, 4096) ??
    (width % heads === 0 ? undefined : `width is ${width}; expected a multiple of the ${heads} heads`)
  );
}
