import type { Shape } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import type { Storage } from "@attnkit/wgsl";

/** The type of a tensor's elements. Booleans are stored as 32-bit integers; every value except 0 is true. */
export type ElementType = Extract<Storage, "float32" | "boolean">;

/** The bytes of one element in a buffer. */
export const ELEMENT_BYTES = 4;

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

/** Returns the bytes of a tensor. */
export const bytesOf = ({ shape }: Pick<GpuTensor, "shape">): number => ELEMENT_BYTES * elementCount(shape);
