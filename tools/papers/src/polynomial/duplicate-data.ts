import { normals, uniforms } from "@attnkit/measure/random";
import { generatorAt, shuffled } from "@attnkit/train";
import { BATCH, CHUNK, type Examples, type Task } from "./learn.ts";

/** The number of types, of tokens that show one, and of channels. */
export const TYPES = 16;
export const SHOWN = 8;
const CHANNELS = 16;
/** Standard deviation of the uniform noise on every channel of every token. */
export const NOISE = 0.3;
const HELD_OUT = 4 * CHUNK;

/**
 * "Find the duplicate": of `tokens` tokens of noise, `SHOWN` carry the vector of a type, and exactly one type is there
 * twice; the answer is that type. Every step has new examples, and every seed new types.
 */
export function duplicateTask(tokens: number, steps: number, seed: number): Task {
  const normal = normals(seed);
  const vectors = Float32Array.from({ length: TYPES * CHANNELS }, normal);
  return {
    ...{ tokens, channels: CHANNELS, classes: TYPES, steps },
    train: (step) => draw(vectors, tokens, BATCH, (seed << 16) + 1 + step),
    heldOut: draw(vectors, tokens, HELD_OUT, seed << 16),
  };
}

function draw(vectors: Float32Array, tokens: number, count: number, seed: number): Examples {
  const uniform = uniforms(seed);
  const x = Float32Array.from({ length: count * tokens * CHANNELS }, () => NOISE * Math.sqrt(12) * (uniform() - 0.5));
  const labels = Array.from({ length: count }, (_, i) => {
    const types = shuffled(TYPES, generatorAt(seed, 2 * i)).slice(0, SHOWN - 1);
    const places = shuffled(tokens, generatorAt(seed, 2 * i + 1)).slice(0, SHOWN);
    for (const [n, place] of places.entries()) {
      const type = types[n] ?? types[0]!;
      const at = (i * tokens + place) * CHANNELS;
      for (let c = 0; c < CHANNELS; c++) x[at + c]! += vectors[type * CHANNELS + c]!;
    }
    return types[0]!;
  });
  return { x, labels };
}
