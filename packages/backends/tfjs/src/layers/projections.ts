import { AttentionError } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import type { Tensor } from "../tf.ts";
import { who } from "./arguments.ts";
import { shown } from "./inputs.ts";
import type { Config, LayerVariable, TfLayers, WeightArgs, WeightRule } from "./types.ts";

/** A linear map `x [..., n] -> [..., m]` with a matrix `[n, m]` and an optional bias `[m]`. */
export interface Projection {
  readonly kernel: LayerVariable;
  readonly bias: LayerVariable | undefined;
}

/** The fields of tf.layers' dense layer. Its declarations make them private. */
type Dense = { readonly [K in keyof WeightRule as `${"kernel" | "bias"}${Capitalize<K>}`]: WeightRule[K] };

/** The initializers and regularizers of projection `i`, and all of them as tf.layers saves them. */
export interface WeightRules {
  readonly config: Config;
  of(i: number): { readonly kernel: WeightRule; readonly bias: WeightRule };
}

const names = ["kernelInitializer", "biasInitializer", "kernelRegularizer", "biasRegularizer"];

/**
 * Reads initializers and regularizers. tf.layers exports no function that reads names such as
 * "glorotUniform" or saved configurations, but its dense layer does. A dense layer that is never built therefore stands
 * for each projection.
 */
export function weightRules(layers: TfLayers, args: WeightArgs): WeightRules {
  const picked = names.flatMap((name) => {
    const value = args[name as keyof WeightArgs];
    return value == null ? [] : [[name, value]];
  });
  const given = Object.fromEntries(picked) as WeightArgs;
  const read = (x: WeightArgs) => layers.dense({ units: 1, name: "projection", ...x });
  const whole = read(given).getConfig();
  const config = Object.fromEntries(names.map((name) => [name, whole[name] ?? null])) as Config;
  return {
    config,
    of(i) {
      const dense = read(apart(given, config, i)) as unknown as Dense;
      const { kernelInitializer, kernelRegularizer, biasInitializer, biasRegularizer } = dense;
      return {
        kernel: { initializer: kernelInitializer, regularizer: kernelRegularizer },
        bias: { initializer: biasInitializer, regularizer: biasRegularizer },
      };
    },
  };
}

/**
 * Gives each projection its own seed. A seeded initializer always draws the same numbers: queries and keys would start
 * as the same matrix.
 */
function apart(given: WeightArgs, config: Config, i: number): WeightArgs {
  const initializer = config.kernelInitializer as { className: string; config: { seed?: unknown } };
  const { seed } = initializer.config;
  if (typeof seed !== "number") return given;
  const own = { ...initializer, config: { ...initializer.config, seed: seed + i } };
  return { ...given, kernelInitializer: own as never };
}

export function project(o: Ops<Tensor>, x: Tensor, { kernel, bias }: Projection): Tensor {
  const y = o.matmul(x, kernel.read());
  return bias === undefined ? y : o.add(y, bias.read());
}

/** Splits the heads: `[B, L, H * w] -> [B, H, L, w]`. */
export function splitHeads(o: Ops<Tensor>, x: Tensor, heads: number): Tensor {
  const [B, L, n] = x.shape as [number, number, number];
  return o.transpose(o.reshape(x, [B, L, heads, n / heads]), [0, 2, 1, 3]);
}

/** Joins the heads: `[B, H, L, w] -> [B, L, H * w]`. */
export function joinHeads(o: Ops<Tensor>, x: Tensor): Tensor {
  const [B, H, L, w] = x.shape as [number, number, number, number];
  return o.reshape(o.transpose(x, [0, 2, 1, 3]), [B, L, H * w]);
}

/** Checks the argument `weights`, which tf.layers sets once the layer is built. Throws `ATTN_SHAPE`. */
export function checkWeights(given: readonly Tensor[] | null, own: readonly LayerVariable[]): void {
  if (!given) return;
  const expected = own.map((w) => shown(w.shape)).join(", ");
  const got = given.map((w) => (Array.isArray(w?.shape) ? shown(w.shape) : String(w))).join(", ");
  if (got !== expected)
    throw new AttentionError(
      "ATTN_SHAPE",
      who,
      `weights must have the shapes of the layer's weights; got ${got || "none"}, expected ${expected}`,
    );
}
