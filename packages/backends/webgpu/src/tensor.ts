import type { Shape } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import type { Storage } from "@attnkit/wgsl";

/** The type of a tensor's elements. Booleans are stored as 32-bit integers; every value except 0 is true. */
export type ElementType = Extract<Storage, "float32" | "boolean">;

/** The bytes of one element in a buffer. */
export const ELEMENT_BYTES = 4;

/**
 * A dense row-major tensor in a `GPUBuffer`. It is a plain value: commands of your own may bind `buffer` from `offset` on.
 * Its elements are never modified. Tensors that were reshaped share a buffer.
 */
export interface GpuTensor {
  readonly buffer: GPUBuffer;
  /** The first byte of the tensor in `buffer`. */
  readonly offset: number;
  readonly shape: Shape;
  readonly dtype: ElementType;
}

/** Returns the bytes of a tensor. */
export const bytesOf = ({ shape }: Pick<GpuTensor, "shape">): number => ELEMENT_BYTES * elementCount(shape);
