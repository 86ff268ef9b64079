import type { Shape } from "@attnkit/core";

/** `"float"` is the type that is computed in; `"half"`, float16, only goes in, comes out and holds constants. */
export type Type = "float" | "half" | "bool" | "int64";

/** Half floats are the bits of each. */
export type Numbers = Float32Array | Float64Array | Uint8Array | Uint16Array | readonly number[];

/** One tensor of the graph being recorded. */
export interface Value {
  /** Order of creation: what a value is made from has a smaller id. */
  readonly id: number;
  readonly type: Type;
  /** With symbolic sizes as `Sizes` has them. */
  readonly shape: Shape;
  /** An ONNX operator, or `"input"` or `"constant"`. */
  readonly op: string;
  readonly from: readonly Value[];
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
  /** Of an input. */
  readonly name?: string;
  /** Of a constant. */
  readonly data?: Numbers;
  /** The boolean that this float is 1 or 0 for. */
  readonly truth?: Value;
}
