import type { Options, Shape } from "@attnkit/core";
import { normals } from "@attnkit/measure/random";

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

export interface Parameter {
  readonly name: string;
  readonly shape: Shape;
  /** Standard deviation of the first values; with `at`, their one value. */
  readonly init: { readonly deviation: number } | { readonly at: number };
}

/**
 * Every parameter in the order of the flat vector that holds them all. Matrices are `[in, out]`. The output projections
 * of a layer start smaller by the root of how many of them add up in the residual stream (Radford et al. 2019, 2.3).
 */
export function parameters({ layers, width: C, heads }: ModelConfig): Parameter[] {
  const gain = (name: string, size = C): Parameter => ({ name, shape: [size], init: { at: 1 } });
  const matrix = (name: string, from: number, to: number, scale = 1): Parameter => ({
    name,
    shape: [from, to],
    init: { deviation: scale / Math.sqrt(from) },
  });
  const last = 1 / Math.sqrt(2 * layers);
  const block = (i: number): Parameter[] => [
    gain(`blocks.${i}.attention.norm`),
    ...["query", "key", "value"].map((of) => ({
      name: `blocks.${i}.attention.${of}.mix`,
      shape: [C],
      init: { at: 0.5 },
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

export const sizeOf = (shape: Shape): number => shape.reduce((n, s) => n * s, 1);

export const parameterCount = (config: ModelConfig): number =>
  parameters(config).reduce((n, { shape }) => n + sizeOf(shape), 0);

/** First weights, flat. Equal for every mechanism of the same sizes: the seed alone decides. */
export function initialise(config: ModelConfig, seed: number): Float32Array {
  const normal = normals(seed);
  const flat = new Float32Array(parameterCount(config));
  let at = 0;
  for (const { shape, init } of parameters(config)) {
    const end = at + sizeOf(shape);
    for (; at < end; at++) flat[at] = "at" in init ? init.at : init.deviation * normal();
  }
  return flat;
}

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
