import { normals, uniforms } from "@attnkit/measure/random";
import { type Batch, oneHotRows } from "@attnkit/train";

/** Channels, tokens and classes of the generated series. */
export const BURSTS = { channels: 3, tokens: 32, classes: 6 };

/** The orders in time of three bursts: `ORDERS[class][channel]` is the place of the burst in that channel. */
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** Standard deviation of the noise, height of a burst and its width in tokens. */
const [NOISE, HEIGHT, SPREAD] = [0.5, 2, 1.5];
/** The least distance of two bursts and what chance adds, in tokens. */
const [GAP, CHANCE] = [3, 5];

/** Makes noisy series of three channels with one burst in each. The class is the order of the bursts in time. */
export function bursts(seed: number): (series: number) => Batch {
  const [uniform, normal] = [uniforms(seed), normals(seed + 1)];
  const { channels, tokens, classes } = BURSTS;
  return (count) => {
    const data = new Float32Array(count * tokens * channels);
    const drawn = Array.from({ length: count }, () => Math.floor(uniform() * classes));
    for (const [s, order] of drawn.entries()) {
      const first = 3 + 10 * uniform();
      const second = first + GAP + CHANCE * uniform();
      const times = [first, second, second + GAP + CHANCE * uniform()];
      for (let i = 0; i < tokens * channels; i++) {
        const [t, c] = [Math.floor(i / channels), i % channels];
        const away = (t - times[ORDERS[order]![c]!]!) / SPREAD;
        data[s * tokens * channels + i] = HEIGHT * Math.exp(-(away ** 2)) + NOISE * normal();
      }
    }
    return {
      series: { data, shape: [count, tokens, channels] },
      targets: { data: oneHotRows(drawn, classes), shape: [count, classes] },
    };
  };
}
