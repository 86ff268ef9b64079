import type { Block, Causal, Mechanism, Options } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import type * as TFL from "@tensorflow/tfjs-layers";
import type { Tf } from "../tf.ts";

/** `tf.layers` of `@tensorflow/tfjs`, or `layers` of `@tensorflow/tfjs-layers`. Only types are imported. */
export type TfLayers = Pick<typeof TFL.layers, "Layer" | "dense">;
export type Layer = TFL.layers.Layer;
export type LayerVariable = TFL.LayerVariable;
/** A shape in which null is a size that tf.layers does not know yet. */
export type LayerShape = (null | number)[];
/** The configuration of a layer that tf.layers saves. */
export type Config = ReturnType<Layer["getConfig"]>;
export type LayerArgs = NonNullable<ConstructorParameters<TfLayers["Layer"]>[0]>;
type DenseArgs = Parameters<TfLayers["dense"]>[0];
type Initial = "kernelInitializer" | "biasInitializer";
type Held = "kernelRegularizer" | "biasRegularizer";
/** Initializers and regularizers of weights, as `tf.layers.dense` takes them. */
export type WeightArgs = Pick<DenseArgs, Initial | Held>;
/** Initializer and regularizer of one weight, as tf.layers' `addWeight` takes them. */
export interface WeightRule {
  readonly initializer: ReturnType<typeof TFL.initializers.ones>;
  readonly regularizer: ReturnType<typeof TFL.regularizers.l1>;
}

/** A function that makes a mechanism from plain-data options. */
export type Create = { create(options?: Options): Mechanism }["create"];

/** A function that returns the weights of a block, `[B, Hq, L, P + S]`, such as `scores` of `@attnkit/softmax`. */
export type Scores = {
  scores<T>(
    o: Ops<T>,
    block: Block<T>,
    how: { readonly causal: Causal; readonly stage: "weights" },
    options?: Options,
  ): T;
}["scores"];

/** A mechanism that layers can name, and the function that computes its weights if it has one. */
export interface MechanismEntry {
  readonly create: Create;
  readonly scores?: Scores;
}

export interface Given {
  readonly tf: Tf;
  readonly layers: TfLayers;
  /**
   * Mechanisms by name, for `mechanism: "name"`. Also needed to load a saved layer, and for the weights of a mechanism
   * given by value.
   */
  readonly mechanisms?: Readonly<Record<string, Create | MechanismEntry>>;
}
