import type { SymbolicShape } from "@attnkit/core/program";
import type { GraphProto } from "./proto/onnx.ts";

/**
 * `"float"` is the type of the computation: float32 or float64. `"half"` is float16, used for inputs, outputs and
 * constants only.
 */
export type Type = "float" | "half" | "bool" | "int64";

/** The values of a constant. Half floats are stored as their 16 bits. */
export type Numbers = Float32Array | Float64Array | Uint8Array | Uint16Array | readonly number[];

/** The value of a node's attribute. A plain number is an integer attribute; `{ float }` is a float attribute. */
export type Attribute = number | readonly number[] | string | { readonly float: number } | Subgraph;

/** A graph inside a node. */
export interface Subgraph {
  readonly graph: GraphProto;
  /** A text that differs between subgraphs. Graphs find equal nodes by their attributes as JSON. */
  toJSON(): string;
}

/** One tensor of the graph being recorded. */
export interface Value {
  /** The order of creation: a value has a larger id than the values it is made from. */
  readonly id: number;
  readonly type: Type;
  /** The sizes of the tensor, as the recorded program sees them. */
  readonly shape: SymbolicShape;
  /**
   * An ONNX operator, with its domain if that is not ONNX's own (`com.microsoft.LinearAttention`). Otherwise `"input"`,
   * `"constant"`, `"absent"` (an omitted optional input) or `"output"` (another output of the node in `from`).
   */
  readonly op: string;
  readonly from: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** The number of outputs, if the node has several. This value is the first of them. */
  readonly outputs?: number;
  /** Inputs only: the name of the input. */
  readonly name?: string;
  /** Constants only: the values. */
  readonly data?: Numbers;
  /** If this float was cast from a boolean: that boolean. */
  readonly truth?: Value;
}
