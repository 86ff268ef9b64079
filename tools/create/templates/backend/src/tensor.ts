import type { Data, Shape } from "@attnkit/core";
import { elementCount, type HostData, notOwnTensor } from "@attnkit/core/backend";

/** The tensor of this backend. Replace it, and the functions below, by the tensor of your framework. */
export interface Tensor {
  readonly shape: Shape;
  /** Row-major. A `Uint8Array` holds booleans as 0 and 1. */
  readonly data: Data;
}

/** Returns host data as a tensor that shares no memory with it. Booleans become 0 and 1. */
export const fromHost = ({ data, shape }: HostData): Tensor => ({
  shape: [...shape],
  data: data instanceof Uint8Array ? data.map((byte) => (byte ? 1 : 0)) : Float32Array.from(data),
});

/** Returns the values of a tensor as an array of their own: floats as Float32Array, booleans as Uint8Array. */
export const toHost = (x: Tensor): Float32Array | Uint8Array =>
  x.data instanceof Uint8Array ? Uint8Array.from(x.data) : Float32Array.from(x.data);

/** Returns `x` if it is a tensor of this backend. Throws `ATTN_DATA` otherwise. */
export function own(x: Tensor): Tensor {
  const isData = x?.data instanceof Float32Array || x?.data instanceof Uint8Array;
  if (isData && Array.isArray(x.shape) && x.data.length === elementCount(x.shape)) return x;
  throw notOwnTensor("my-backend", x, "{ shape, data } with one value per element of shape");
}
