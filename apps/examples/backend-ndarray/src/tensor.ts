import type { Shape } from "@attnkit/core";
import { strides } from "@attnkit/core/backend";
import ndarray from "ndarray";

/** The array types that hold the elements: floats in the type of the backend, booleans as bytes. */
export type Values = Float32Array | Float64Array | Uint8Array;

/** The tensor of this backend: an array of `ndarray` as it is, possibly a view with any strides. */
export type Tensor = ndarray.NdArray<Values>;

/** Returns a tensor of `data`, row-major. */
export const tensor = (data: Values, shape: Shape): Tensor => ndarray(data, [...shape], strides(shape), 0);

/** Returns a view of `x` with another shape and other strides. */
export const view = (x: Tensor, shape: Shape, stride: readonly number[], offset: number = x.offset): Tensor =>
  ndarray(x.data, [...shape], [...stride], offset);

/** Returns a view in which axes of size 1, and axes that `x` lacks, repeat along `shape`: their stride is 0. */
export function broadcast(x: Tensor, shape: Shape): Tensor {
  const skip = shape.length - x.shape.length;
  const stride = shape.map((_, i) => (i < skip || x.shape[i - skip] === 1 ? 0 : x.stride[i - skip]!));
  return view(x, shape, stride);
}
