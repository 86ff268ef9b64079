import { normals, uniforms } from "@attnkit/measure/random";
import { type Batch, oneHotRows } from "@attnkit/train";

/** Channels, tokens and classes of the generated series. */
export const BURSTS = { channels: 3, tokens: 48, classes: 4 };

/** Standard deviation of the noise, height of a burst and its width in tokens. */
const [NOISE, HEIGHT, SPREAD] = [0.8, 2, 2];

/**
 * Makes series of three channels: a sine that is slow or fast, and one burst in each of two other channels. The class is
 * the pair of the sine's speed and of which burst comes first. Phases, places and noise are random.
 */
export function bursts(seed: number): (series: number) => Batch {
  const [uniform, normal] = [uniforms(seed), normals(seed + 1)];
  const { channels, tokens, classes } = BURSTS;
  return (count) => {
    const data = new Float32Array(count * tokens * channels);
    const drawn: number[] = [];
    for (let s = 0; s < count; s++) {
      const fast = uniform() < 0.5;
      const swapped = uniform() < 0.5;
      const phase = 2 * Math.PI * uniform();
      const early = (0.08 + 0.4 * uniform()) * tokens;
      const late = early + (0.12 + 0.32 * uniform()) * tokens;
      const places = swapped ? [late, early] : [early, late];
      for (let t = 0; t < tokens; t++) {
        const at = (s * tokens + t) * channels;
        data[at] = Math.sin(t * (fast ? 0.35 : 0.25) + phase) + NOISE * normal();
        for (const [c, place] of places.entries())
          data[at + 1 + c] = HEIGHT * Math.exp(-(((t - place) / SPREAD) ** 2)) + NOISE * normal();
      }
      drawn.push(2 * Number(swapped) + Number(fast));
    }
    return {
      series: { data, shape: [count, tokens, channels] },
      targets: { data: oneHotRows(drawn, classes), shape: [count, classes] },
    };
  };
}
