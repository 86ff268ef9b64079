import type { Tensors } from "../program/block.ts";
import type { VaryingAxes } from "../program/call.ts";
import type { Data, DataOf, DType, EagerOps, Ops, Shape } from "../program/ops.ts";
import { requireFunction } from "./describe.ts";
import type { NestedValues } from "./host-data.ts";
import type { Nested } from "./nested.ts";

/**
 * A function of named tensors over `Ops`, so that any backend can run or record it. For a mechanism the inputs are
 * `q k v [mask] [bias] [keyMask] [state.<name>]` and the outputs `y [lse] state.<name>`.
 */
export type Program = <T>(o: Ops<T>, x: Tensors<T>) => Tensors<T>;

/**
 * The same over nested records of tensors, such as a block and a result: only recorded graphs need flat names. Written as a
 * method so that a program of certain records, such as `ForwardProgram`, is one.
 */
export type NestedProgram = { run<T>(o: Ops<T>, x: Nested<T>): Nested<T> }["run"];

/** A prepared program. Written as a method so that a `Backend<X>` can be handled as a `Backend<unknown>` by tools. */
export type Compiled<T> = { run(x: Tensors<T>): Promise<Tensors<T>> }["run"];

export type CompiledNested<T> = { run(x: Nested<T>): Promise<Nested<T>> }["run"];

/**
 * The abilities of a backend, as data. The conformance suite tests both sides: what is claimed must hold, and what is
 * denied must throw `ATTN_UNSUPPORTED`. An absent field has the default that its comment names.
 */
export interface Supports {
  /** `vjp` works; when false it throws `ATTN_UNSUPPORTED`. */
  readonly gradients: boolean;
  /** `vjp` follows a kernel that the program runs on the backend's own tensors. Default false: kernels are never differentiated. */
  readonly kernelGradients?: boolean;
  /**
   * The float types that its factory makes it in, `Backend.dtype` among them. Default: that one alone. The factory refuses
   * every other type by an `AttentionError`.
   */
  readonly dtypes?: readonly DType[];
  /** Tensors may have axes of size 0. Default true; when false, `upload` and operations refuse them. */
  readonly emptyAxes?: boolean;
  /** The highest rank of a tensor. Default: no limit. `upload` refuses a higher rank. */
  readonly maxRank?: number;
  /** The largest number of elements of a tensor. Default: no limit. `upload` refuses more. */
  readonly maxElements?: number;
  /**
   * A factor >= 1 per operation on the rounding error that it may make: `{ log: 64 }` for a coarse logarithm.
   * Default 1 for each. The suite multiplies its tolerances by the largest factor among the operations that a program uses.
   */
  readonly accuracy?: Readonly<Partial<Record<keyof Ops<unknown>, number>>>;
}

/** A backend. `T` is its own tensor type, never wrapped. */
export interface Backend<T, D extends DType = DType> {
  /** The name in reports and tables: `"cpu"`, `"tfjs-webgpu"`. */
  readonly name: string;
  /** The family that kernels name: `"cpu"`, `"tfjs"`, `"onnx"`. */
  readonly kind: string;
  /** Kinds of kernels that run on its tensors beside those of its own kind, such as `"webgpu"`. Default: none. */
  readonly hosts?: readonly string[];
  /** A description of the device that computes, for reports. */
  readonly device: string;
  readonly dtype: D;
  readonly supports: Supports;
  /** Present where operations run at once; absent where programs are recorded. Makes synchronous use possible. */
  readonly ops?: EagerOps<T>;
  /**
   * Makes a tensor. Floats become the backend's float type, `Uint8Array` and nested booleans a boolean tensor. The shape of
   * nested arrays is their own. Throws `ATTN_DATA` on other data, `ATTN_SHAPE` on a wrong shape.
   *
   * @example
   * backend.upload([[1, 2], [3, 4]]); // the same as backend.upload(Float32Array.of(1, 2, 3, 4), [2, 2])
   */
  upload(data: Data, shape: Shape): T;
  upload(data: NestedValues, shape?: Shape): T;
  /**
   * Floats come back as Float32Array (Float64Array where `dtype` is float64), booleans as Uint8Array. Rejects with `ATTN_DATA`
   * if `x` is no tensor of this backend.
   */
  download(x: T): Promise<DataOf<D>>;
  /** Throws `ATTN_DATA` if `x` is no tensor of this backend. */
  shape(x: T): Shape;
  /**
   * Returns whether a tensor is boolean. If a backend has this method, `attention` refuses floats as `mask`: an
   * additive mask is `bias`.
   */
  boolean?(x: T): boolean;
  /** Frees `x`. Other tensors stay, also those that share its memory: results of `reshape`, the inputs of a program that returned them. */
  free(x: T): void;
  /** Prepare a program for many calls. `varying`: sizes that may differ between calls without it being another program. */
  compile(program: Program, varying?: VaryingAxes): Compiled<T>;
  compile(program: NestedProgram, varying?: VaryingAxes): CompiledNested<T>;
  /**
   * Vector-Jacobian product: for each name in `wrt`, the gradient of `sum_o <seeds[o], program(x)[o]>` with respect to
   * `x[name]`, of the shape of `x[name]`. `seeds` names the outputs that count.
   */
  vjp(program: Program, x: Tensors<T>, seeds: Tensors<T>, wrt: readonly string[]): Promise<Tensors<T>>;
}

/** Returns the `compile` of a backend that runs operations at once. */
export const eager = <T>(o: Ops<T>): Backend<T>["compile"] =>
  // One function serves both kinds of program: records pass through as they are.
  ((program: NestedProgram) => {
    requireFunction("compile", "program", program);
    return async (x: Nested<T>) => program(o, x);
  }) as unknown as Backend<T>["compile"];
