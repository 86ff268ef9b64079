import { knownAxisSize } from "@attnkit/core/program";
import { oneHot, project } from "../functions.ts";
import type { Layer } from "./layer.ts";

export interface EmbeddingOptions {
  /** The number of entries: the size of the vocabulary. */
  readonly count: number;
  /** Channels of one entry. */
  readonly width: number;
  /** `"indices"`: whole numbers `[...]` held as floats. `"one-hot"`: rows `[..., count]`. Default: `"indices"`. */
  readonly input?: "indices" | "one-hot";
  /** Standard deviation of the first values. Default: 0.02. */
  readonly deviation?: number;
}

/** Makes a table of trained rows: `[...]` or `[..., count] -> [..., width]`. An index outside `0..count-1` gives zeros. */
export function embedding(
  name: string,
  { count, width, input = "indices", deviation = 0.02 }: EmbeddingOptions,
): Layer {
  const table = `${name}.weight`;
  return {
    parameters: [{ name: table, shape: [count, width], init: { deviation } }],
    apply: (o, w, x) => project(o, input === "indices" ? oneHot(o, x, count) : x, w[table]!),
  };
}

/** Makes a layer that adds a trained row per position: `x [..., N, width]`, N at most `length`. */
export function learnedPositions(
  name: string,
  { length, width, deviation = 0.02 }: { readonly length: number; readonly width: number; readonly deviation?: number },
): Layer {
  const table = `${name}.weight`;
  return {
    parameters: [{ name: table, shape: [length, width], init: { deviation } }],
    apply: (o, w, x) => o.add(x, o.slice(w[table]!, 0, 0, knownAxisSize(o, x, -2))),
  };
}

/** Makes a layer without parameters that adds the sines and cosines of Vaswani et al. 2017, 3.5, to `x [..., N, width]`. */
export function sinusoidalPositions(): Layer {
  return {
    parameters: [],
    apply(o, _, x) {
      const [n, width] = [knownAxisSize(o, x, -2), knownAxisSize(o, x, -1)];
      const value = (i: number): number => {
        const channel = i % width;
        const angle = Math.floor(i / width) / 10000 ** ((channel - (channel % 2)) / width);
        return channel % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
      };
      return o.add(
        x,
        o.constant(
          Float32Array.from({ length: n * width }, (_, i) => value(i)),
          [n, width],
        ),
      );
    },
  };
}
