import type { SymbolicShape } from "@attnkit/core/program";
import type { GraphProto } from "./proto/onnx.ts";

/** `"float"` is the type that is computed in; `"half"`, float16, only goes in, comes out and holds constants. */
export type Type = "float" | "half" | "bool" | "int64";

/** Half floats are the bits of each. */
export type Numbers = Float32Array | Float64Array | Uint8Array | Uint16Array | readonly number[];

/** A number is a whole one. */
export type Attribute = number | readonly number[] | string | { readonly float: number } | Subgraph;

/** A graph inside a node. */
export interface Subgraph {
  readonly graph: GraphProto;
  /** What tells it from others: graphs find equal nodes by their attributes as JSON. */
  toJSON(): string;
}

/** One tensor of the graph being recorded. */
export interface Value {
  /** Order of creation: what a value is made from has a smaller id. */
  readonly id: number;
  readonly type: Type;
  /** The sizes of the tensor, as the recorded program sees them. */
  readonly shape: SymbolicShape;
  /**
   * An ONNX operator, with its domain where that is not ONNX's own (`com.microsoft.LinearAttention`); or `"input"`,
   * `"constant"`, `"absent"` (an optional input left out) or `"output"` (a further output of the node it is from).
   */
  readonly op: string;
  readonly from: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Of a node with several outputs: how many. This value is the first. */
  readonly outputs?: number;
  /** Of an input. */
  readonly name?: string;
  /** Of a constant. */
  readonly data?: Numbers;
  /** The boolean that this float is 1 or 0 for. */
  readonly truth?: Value;
}
