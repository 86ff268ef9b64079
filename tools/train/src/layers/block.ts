import { type AttentionOptions, attentionLayer } from "./attention.ts";
import { type MlpOptions, mlp } from "./dense.ts";
import type { Layer } from "./layer.ts";
import { layerNorm, rmsNorm } from "./norm.ts";

export interface BlockOptions extends AttentionOptions {
  /** `"pre"`: `x + f(norm(x))`. `"post"`: `norm(x + f(x))`. Default: `"pre"`. */
  readonly placement?: "pre" | "post";
  /** Default: `"layer"`. */
  readonly norm?: "layer" | "rms";
  /** Channels inside the MLP, its activation and its bias. */
  readonly mlp?: Pick<MlpOptions, "hidden" | "activation" | "bias">;
}

/** Makes one transformer block: attention and an MLP, each with a residual connection and a normalisation. */
export function transformerBlock(name: string, options: BlockOptions): Layer {
  const { width, placement = "pre", norm = "layer", outputScale } = options;
  const normed = norm === "layer" ? layerNorm : rmsNorm;
  const parts = {
    first: normed(`${name}.attention.norm`, width),
    attention: attentionLayer(`${name}.attention`, options),
    second: normed(`${name}.mlp.norm`, width),
    mlp: mlp(`${name}.mlp`, { ...options.mlp, width, ...(outputScale !== undefined && { outputScale }) }),
  };
  return {
    parameters: Object.values(parts).flatMap((layer) => layer.parameters),
    apply(o, w, x, observe) {
      const { first, attention, second, mlp } = parts;
      if (placement === "pre") {
        const middle = o.add(x, attention.apply(o, w, first.apply(o, w, x), observe));
        return o.add(middle, mlp.apply(o, w, second.apply(o, w, middle)));
      }
      const middle = first.apply(o, w, o.add(x, attention.apply(o, w, x, observe)));
      return second.apply(o, w, o.add(middle, mlp.apply(o, w, middle)));
    },
  };
}
