import type { Tensors } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import type { Parameter } from "../parameters.ts";

/** The tensors of one attention call: `q k v [B, heads, N, d]` and the output `y [B, heads, N, d]`. */
export interface Attended<T> {
  readonly q: T;
  readonly k: T;
  readonly v: T;
  readonly y: T;
}

/** Receives the tensors of every attention call of a model, for norms and pictures. `name` is the layer's. */
export type Observer<T> = (name: string, call: Attended<T>) => void;

/** A function with trained parameters. Their names begin with the layer's name, so that layers share one record `w`. */
export interface Layer {
  readonly parameters: readonly Parameter[];
  /** Returns the output for the input x, from the parameters of a whole model by name. */
  apply<T>(o: Ops<T>, w: Tensors<T>, x: T, observe?: Observer<T>): T;
}

/** Makes one layer of several that follow each other. */
export function sequence(...layers: readonly Layer[]): Layer {
  return {
    parameters: parametersOf(...layers),
    apply<T>(o: Ops<T>, w: Tensors<T>, x: T, observe?: Observer<T>): T {
      let y = x;
      for (const layer of layers) y = layer.apply(o, w, y, observe);
      return y;
    },
  };
}

/** Returns the parameters of several layers in order. */
export const parametersOf = (...layers: readonly Pick<Layer, "parameters">[]): Parameter[] =>
  layers.flatMap((layer) => layer.parameters);
