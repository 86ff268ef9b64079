import type { Tensors } from "../program/block.ts";
import type { VaryingAxes } from "../program/call.ts";
import type { Data, DType, Ops, Shape } from "../program/ops.ts";

/**
 * A function of named tensors over `Ops`, so that any backend can run or record it. For a mechanism the inputs are
 * `q k v [mask] [bias] [keyMask] [state.<name>]` and the outputs `y [lse] state.<name>`.
 */
export type Program = <T>(o: Ops<T>, x: Tensors<T>) => Tensors<T>;

/** A prepared program. Written as a method so that a `Backend<X>` can be handled as a `Backend<unknown>` by tools. */
export type Compiled<T> = { run(x: Tensors<T>): Promise<Tensors<T>> }["run"];

/** Claims that the conformance suite checks, both when true and when false. */
export interface Supports {
  /** `vjp` works; when false it throws `ATTN_UNSUPPORTED`. */
  readonly gradients: boolean;
}

/** A backend. `T` is its own tensor type, never wrapped. */
export interface Backend<T> {
  /** The name in reports and tables: `"cpu"`, `"tfjs-webgpu"`. */
  readonly name: string;
  /** The family that kernels name: `"cpu"`, `"tfjs"`, `"onnx"`. */
  readonly kind: string;
  /** A description of the device that computes, for reports. */
  readonly device: string;
  readonly dtype: DType;
  readonly supports: Supports;
  /** Present where operations run at once; absent where programs are recorded. Makes synchronous use possible. */
  readonly ops?: Ops<T>;
  /** Floats become the backend's float type; `Uint8Array` becomes a boolean tensor. */
  upload(data: Data, shape: Shape): T;
  /** Floats come back as Float32Array (Float64Array where `dtype` is float64), booleans as Uint8Array. */
  download(x: T): Promise<Data>;
  shape(x: T): Shape;
  /**
   * Returns whether a tensor is boolean. If a backend has this method, `attention` refuses floats as `mask`: an
   * additive mask is `bias`.
   */
  boolean?(x: T): boolean;
  free(x: T): void;
  /** Prepare a program for many calls. `varying`: sizes that may differ between calls without it being another program. */
  compile(program: Program, varying?: VaryingAxes): Compiled<T>;
  /**
   * Vector-Jacobian product: for each name in `wrt`, the gradient of `sum_o <seeds[o], program(x)[o]>` with respect to
   * `x[name]`, of the shape of `x[name]`. `seeds` names the outputs that count.
   */
  vjp(program: Program, x: Tensors<T>, seeds: Tensors<T>, wrt: readonly string[]): Promise<Tensors<T>>;
}

/** `compile` of a backend that runs operations at once. */
export const eager =
  <T>(o: Ops<T>) =>
  (program: Program): Compiled<T> =>
  async (x) =>
    program(o, x);
