import { meanVarianceNorm, rootMeanSquareNorm } from "../functions.ts";
import type { Layer } from "./layer.ts";

/** Makes a layer normalisation over `width` channels (Ba et al. 2016), with a trained gain and bias. */
export function layerNorm(name: string, width: number): Layer {
  return {
    parameters: [
      { name: `${name}.gain`, shape: [width], init: { constant: 1 } },
      { name: `${name}.bias`, shape: [width], init: { constant: 0 } },
    ],
    apply: (o, w, x) => meanVarianceNorm(o, x, w[`${name}.gain`]!, w[`${name}.bias`]!),
  };
}

/** Makes a root mean square normalisation over `width` channels (Zhang and Sennrich 2019), with a trained gain. */
export function rmsNorm(name: string, width: number): Layer {
  return {
    parameters: [{ name: `${name}.gain`, shape: [width], init: { constant: 1 } }],
    apply: (o, w, x) => rootMeanSquareNorm(o, x, w[`${name}.gain`]!),
  };
}
