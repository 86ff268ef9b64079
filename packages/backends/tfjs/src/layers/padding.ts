import { AttentionError } from "@attnkit/core";
import { knownOptions, requireOption } from "@attnkit/core/program";
import type { Tensor } from "../tf.ts";
import { baseArgs, everyLayer } from "./base.ts";
import type { Config, Given, Layer, LayerArgs, LayerShape } from "./types.ts";

export interface PaddingMaskArgs extends LayerArgs {
  /** The token that marks padding, an integer. Default: 0, as in `tf.layers.embedding({ maskZero: true })`. */
  readonly padding?: number;
}

export interface PaddingMaskClass {
  new (args?: PaddingMaskArgs): Layer;
  readonly className: string;
  readonly fromConfig: TfjsFromConfig;
}

type TfjsFromConfig = Given["layers"]["Layer"]["fromConfig"];

const who = "PaddingMask";

/**
 * Defines a layer that turns tokens `[B, S]` into their mask `[B, S]`, true where the token is not padding. Its output
 * is a last input for attention. The constructor throws `ATTN_OPTION`; a call throws `ATTN_SHAPE` or `ATTN_DATA`.
 */
export function paddingMask({ tf, layers }: Given): PaddingMaskClass {
  return class PaddingMask extends layers.Layer {
    static readonly className = "AttnkitPaddingMask";
    readonly padding: number;

    constructor(args: PaddingMaskArgs = {}) {
      super(baseArgs(who, args, ["S"]));
      // tf.layers writes an absent value as null.
      const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value != null));
      knownOptions(who, given, ["padding", ...everyLayer]);
      const { padding = 0, weights = [] } = given as PaddingMaskArgs;
      requireOption(Number.isInteger(padding), who, "padding", padding, "an integer: the token that marks padding");
      requireOption(
        weights.length === 0,
        who,
        "weights",
        `${weights.length} tensors`,
        "none: the layer has no weights",
      );
      this.padding = padding;
    }

    override apply(
      inputs: Parameters<Layer["apply"]>[0],
      kwargs?: Record<string, unknown>,
    ): ReturnType<Layer["apply"]> {
      // tf.layers passes these to every layer of a running model. The mask of the tokens has no effect here.
      const shared = ["training", "mask", "initialState", "constants"];
      for (const [name, x] of Object.entries(kwargs ?? {}))
        requireOption(x == null || shared.includes(name), who, `${name} of a call`, "given", "no arguments of a call");
      tokensOf(inputs as Tensor | Tensor[]);
      return super.apply(inputs, kwargs as never);
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const tokens = tokensOf(inputs);
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

/** Returns the tokens. Throws `ATTN_SHAPE`, and `ATTN_DATA` if the input is not a tensor of numbers. */
function tokensOf(inputs: Tensor | readonly Tensor[]): Tensor {
  const list = (Array.isArray(inputs) ? inputs : [inputs]) as readonly Tensor[];
  const got = list.map((x) =>
    Array.isArray(x?.shape) ? `${x.dtype}[${x.shape.map((n) => n ?? "?").join(", ")}]` : String(x),
  );
  const fail = (code: "ATTN_SHAPE" | "ATTN_DATA", rule: string): never => {
    throw new AttentionError(
      code,
      who,
      `${rule}; got ${got.join(", ") || "no input"}, expected tokens [B, S], float32 or int32`,
    );
  };
  const tokens = list[0] as Tensor;
  if (list.length !== 1) fail("ATTN_SHAPE", `the layer takes one tensor, not ${list.length} inputs`);
  if (!Array.isArray(tokens?.shape)) fail("ATTN_DATA", "the input is not a tensor");
  if (tokens.isDisposed) fail("ATTN_DATA", "the input was disposed of");
  if (!["float32", "int32"].includes(tokens.dtype)) fail("ATTN_DATA", `the input has the type ${tokens.dtype}`);
  if (tokens.shape.length !== 2) fail("ATTN_SHAPE", `the input has rank ${tokens.shape.length}, not 2`);
  return tokens;
}
