import type { Tensor } from "../tf.ts";
import type { Config, Given, Layer, LayerArgs, LayerShape } from "./types.ts";

export interface PaddingMaskArgs extends LayerArgs {
  /** The token that stands where there is none; default 0, as in `tf.layers.embedding({ maskZero: true })`. */
  readonly padding?: number;
}

export interface PaddingMaskClass {
  new (args?: PaddingMaskArgs): Layer;
  readonly className: string;
  readonly fromConfig: TfjsFromConfig;
}

type TfjsFromConfig = Given["layers"]["Layer"]["fromConfig"];

/** A layer that turns tokens `[B, S]` into their mask `[B, S]`, true where a token is not padding: a fourth input for attention. */
export function paddingMask({ tf, layers }: Given): PaddingMaskClass {
  return class PaddingMask extends layers.Layer {
    static readonly className = "AttnkitPaddingMask";
    readonly padding: number;

    constructor({ padding = 0, ...args }: PaddingMaskArgs = {}) {
      super(args);
      this.padding = padding;
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const tokens = Array.isArray(inputs) ? (inputs[0] as Tensor) : inputs;
        return tf.notEqual(tokens, tf.scalar(this.padding, tokens.dtype === "int32" ? "int32" : "float32"));
      });
    }

    override computeOutputShape(shape: LayerShape | LayerShape[]): LayerShape {
      return (Array.isArray(shape[0]) ? shape[0] : shape) as LayerShape;
    }

    override getConfig(): Config {
      return { ...super.getConfig(), padding: this.padding };
    }
  };
}
