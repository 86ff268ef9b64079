import type { Dim } from "./sizes.ts";

/** The sizes of a tensor, outermost axis first: whole numbers from 0. */
export type Shape = readonly number[];

/** The float type of a backend's tensors. */
export type DType = "float16" | "float32" | "float64";

/** Host data: floats, or a boolean mask as bytes (non-zero is true). */
export type Data = Float32Array | Float64Array | Uint8Array;

/** Host data of a backend whose float type is D: floats in that type (float16 as float32), booleans as bytes. */
export type DataOf<D extends DType> = (D extends "float64" ? Float64Array : Float32Array) | Uint8Array;

/**
 * The primitive tensor operations a backend supplies. `T` is the backend's own tensor, never wrapped.
 *
 * Binary operations broadcast as NumPy does; a number stands for a scalar of the backend's float type. Negative axes
 * count from the end. Reductions keep their axis with size 1. Axes of size 0 are legal: `sum` over none is 0, `max`
 * over none is -Infinity, a product over an inner axis of 0 is 0. No operation modifies its arguments. Arithmetic
 * with NaN and infinities follows IEEE 754; what `max`, `maximum`, `minimum`, `exp`, `log` and `tanh` make of NaN is left to
 * the backend.
 *
 * `reshape`, `transpose`, `slice`, `concat` and `take` keep booleans boolean. Elsewhere, and joined with floats, a boolean
 * counts as 0 or 1, and the result is a float.
 *
 * A size is a `Dim` for programs, which may be recorded, and a number in `EagerOps`.
 */
export interface Ops<T, D extends Dim = Dim> {
  /** The float type that programs compute in. Tensors stored as float16 are computed in float32. */
  readonly dtype: Exclude<DType, "float16">;
  /**
   * The sizes of a tensor. They are numbers where operations run at once. While a program is recorded, an axis of unknown
   * size is a symbolic dimension. B, the tokens of a block and the keys of a cache may be; heads and channels never are.
   */
  shape(x: T): readonly D[];
  /** A float tensor with the given values, row-major. The array is copied. */
  constant(data: ArrayLike<number>, shape: Shape): T;

  /** The same values in row-major order under another shape of equal size; one axis may be -1, which is worked out. */
  reshape(x: T, shape: readonly (D | number)[]): T;
  transpose(x: T, perm: readonly number[]): T;
  /** Elements `start <= i < end` of one axis; `0 <= start <= end <= size`. */
  slice(x: T, axis: number, start: D | number, end: D | number): T;
  concat(xs: readonly T[], axis: number): T;
  /** The entries `indices` of one axis, in that order, repeats allowed. */
  take(x: T, axis: number, indices: readonly number[]): T;

  add(a: T | number, b: T | number): T;
  sub(a: T | number, b: T | number): T;
  mul(a: T | number, b: T | number): T;
  div(a: T | number, b: T | number): T;
  maximum(a: T | number, b: T | number): T;
  minimum(a: T | number, b: T | number): T;
  /** `a` where `mask` is true or not 0 (NaN is not), else `b`; selects, so what is not chosen never leaks, not even NaN. */
  where(mask: T, a: T | number, b: T | number): T;

  exp(x: T): T;
  log(x: T): T;
  tanh(x: T): T;

  sum(x: T, axis: number): T;
  max(x: T, axis: number): T;
  /** Inclusive running sum along `axis`. */
  cumsum(x: T, axis: number): T;
  /** `[..., m, k] x [..., k, n] -> [..., m, n]`; leading axes broadcast; both operands have rank >= 2. */
  matmul(a: T, b: T): T;

  /**
   * Rounds to the storage of results, where that is narrower than `dtype`. Programs call it on `y`, as the last operation.
   * Absent where results are stored in `dtype`, and while a gradient is computed.
   */
  store?(x: T): T;
}

/** The operations by which a cache of keys grows. */
export type CacheOps<T, D extends Dim = Dim> = Pick<
  Ops<T, D>,
  "shape" | "constant" | "reshape" | "slice" | "concat" | "where"
>;

/** The operations of a backend that runs them at once: every size is a number. A program takes them as `Ops`. */
export type EagerOps<T> = Ops<T, number>;
