import type { Block, Causal, Mechanism, Options } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import type * as TFL from "@tensorflow/tfjs-layers";
import type { Tf } from "../tf.ts";

/** `tf.layers` of `@tensorflow/tfjs`, or `layers` of `@tensorflow/tfjs-layers`. Types only are imported. */
export type TfLayers = Pick<typeof TFL.layers, "Layer" | "dense">;
export type Layer = TFL.layers.Layer;
export type LayerVariable = TFL.LayerVariable;
/** Sizes with null where tf.layers does not know them yet. */
export type LayerShape = (null | number)[];
/** What tf.layers saves of a layer. */
export type Config = ReturnType<Layer["getConfig"]>;
export type LayerArgs = NonNullable<ConstructorParameters<TfLayers["Layer"]>[0]>;
type DenseArgs = Parameters<TfLayers["dense"]>[0];
type Initial = "kernelInitializer" | "biasInitializer";
type Held = "kernelRegularizer" | "biasRegularizer" | "kernelConstraint" | "biasConstraint";
/** How weights start and are held, as `tf.layers.dense` takes it. */
export type WeightArgs = Pick<DenseArgs, Initial | Held>;
/** How one weight starts and is held, as tf.layers' `addWeight` takes it. */
export interface WeightRule {
  readonly initializer: ReturnType<typeof TFL.initializers.ones>;
  readonly regularizer: ReturnType<typeof TFL.regularizers.l1>;
  readonly constraint: ReturnType<typeof TFL.constraints.nonNeg>;
}

/** A mechanism made from plain data. */
export type Create = { create(options?: Options): Mechanism }["create"];

/** The weights of a block, `[B, Hq, L, P + S]`; `scores` of `@attnkit/softmax` is one. */
export type Scores = {
  scores<T>(
    o: Ops<T>,
    block: Block<T>,
    how: { readonly causal: Causal; readonly stage: "weights" },
    options?: Options,
  ): T;
}["scores"];

/** A mechanism that layers may name, and its weights where it has such a matrix. */
export interface MechanismEntry {
  readonly create: Create;
  readonly scores?: Scores;
}

export interface Given {
  readonly tf: Tf;
  readonly layers: TfLayers;
  /** What `mechanism: "name"` means; also needed to load a saved layer, and, for its weights, where a mechanism is given by value. */
  readonly mechanisms?: Readonly<Record<string, Create | MechanismEntry>>;
}
