import type { Shape } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import type { Storage } from "@attnkit/wgsl";

/**
 * The type of a tensor's elements. Booleans are stored as 32-bit integers; every value except 0 is true. Two halves share a
 * 32-bit word, the first in its lower bits.
 */
export type ElementType = Storage;

/** The types of `Backend.dtype`: the storage of tensors that are uploaded or wrapped, and of y. */
export type FloatType = Exclude<ElementType, "boolean">;

/**
 * A tensor in a `GPUBuffer`, row-major unless it has `strides`. It is a plain value: commands of your own may bind `buffer` from
 * `offset` on. Its elements are never modified. Tensors that were reshaped share a buffer, and so do caches that grow.
 */
export interface GpuTensor {
  readonly buffer: GPUBuffer;
  /** The first byte of the tensor in `buffer`. */
  readonly offset: number;
  readonly shape: Shape;
  readonly dtype: ElementType;
  /**
   * The distance in elements between neighbours along each axis. Absent: row-major. The entries of a state that keeps all keys
   * have it after their first step, `[d Hkv, d, d Hkv B, 1]` for `k [B, Hkv, T, d]`. `slice` makes a row-major copy.
   */
  readonly strides?: readonly number[];
}

/** Returns the bytes of a tensor, a multiple of 4. */
export const bytesOf = ({ shape, dtype }: Pick<GpuTensor, "shape" | "dtype">): number =>
  dtype === "float16" ? 4 * Math.ceil(elementCount(shape) / 2) : 4 * elementCount(shape);
