import { gelu, project, relu } from "../functions.ts";
import type { Parameter } from "../parameters.ts";
import type { Layer } from "./layer.ts";

export interface DenseOptions {
  /** Channels of the input. */
  readonly from: number;
  /** Channels of the output. */
  readonly to: number;
  /** Default: true. */
  readonly bias?: boolean;
  /** Standard deviation of the first weights. Default: `1 / sqrt(from)`. */
  readonly deviation?: number;
}

/** Makes the layer `x [..., from] -> x @ weight [from, to] + bias [to]`. The bias begins at 0. */
export function dense(name: string, { from, to, bias = true, deviation = 1 / Math.sqrt(from) }: DenseOptions): Layer {
  const [weight, offset] = [`${name}.weight`, `${name}.bias`];
  const parameters: Parameter[] = [{ name: weight, shape: [from, to], init: { deviation } }];
  if (bias) parameters.push({ name: offset, shape: [to], init: { constant: 0 } });
  return {
    parameters,
    apply: (o, w, x) => project(o, x, w[weight]!, w[offset]),
  };
}

export interface MlpOptions {
  /** Channels of input and output. */
  readonly width: number;
  /** Channels between the two dense layers. Default: `4 * width`. */
  readonly hidden?: number;
  /** Default: `"gelu"`, by tanh. */
  readonly activation?: "relu" | "gelu";
  /** Default: true. */
  readonly bias?: boolean;
  /** Factor on the standard deviation of the last weights. Default: 1. */
  readonly outputScale?: number;
}

/** Makes two dense layers with an activation between them: `down(activation(up(x)))`. */
export function mlp(
  name: string,
  { width, hidden = 4 * width, activation = "gelu", bias = true, outputScale = 1 }: MlpOptions,
): Layer {
  const up = dense(`${name}.up`, { from: width, to: hidden, bias });
  const down = dense(`${name}.down`, { from: hidden, to: width, bias, deviation: outputScale / Math.sqrt(hidden) });
  const activate = activation === "relu" ? relu : gelu;
  return {
    parameters: [...up.parameters, ...down.parameters],
    apply: (o, w, x) => down.apply(o, w, activate(o, up.apply(o, w, x))),
  };
}
