import type { Tensors } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import type { Parameter } from "../parameters.ts";

/** A function with trained parameters. Its names begin with the layer's name, so that layers share one record `w`. */
export interface Layer {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** Returns the output for the input x, from the parameters of a whole model by name. */
  apply<T>(o: Ops<T>, w: Tensors<T>, x: T): T;
}

/** Returns the parameters of several layers in order. */
export const parametersOf = (...layers: readonly Pick<Layer, "parameters">[]): Parameter[] =>
  layers.flatMap((layer) => layer.parameters);
