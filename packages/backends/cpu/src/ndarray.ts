import type { Data, Shape } from "@attnkit/core";
import { dataShape, hostDataKind } from "@attnkit/core/backend";

/**
 * A dense row-major array of floats, or of booleans as bytes 0 and 1. It is never modified. Reshaping shares `data`.
 */
export interface NdArray {
  readonly shape: Shape;
  readonly data: Data;
}

export type Floats = Float32Array | Float64Array;

/** The constructor of float arrays of the backend's type. */
export type FloatType = new (from: number | ArrayLike<number>) => Floats;

/** Returns the numbers of `x` as floats. Booleans become 0 and 1. */
export function floatsOf(Float: FloatType, x: NdArray): Floats {
  return x.data instanceof Uint8Array ? new Float(x.data) : x.data;
}

/** Returns `x` as a mask of bytes: 0 where `x` is 0, else 1. NaN counts as 1. */
export function bytesOf({ data }: NdArray): Uint8Array {
  if (data instanceof Uint8Array) return data;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = data[i] === 0 ? 0 : 1;
  return out;
}

/** Copies host data into an array of the backend's type. Throws `ATTN_DATA` or `ATTN_SHAPE`. */
export function fromData(Float: FloatType, data: Data, shape: Shape): NdArray {
  const kind = hostDataKind("cpu", data, shape);
  return {
    shape: [...shape],
    data: kind === "Uint8Array" ? Uint8Array.from(data, (b) => (b ? 1 : 0)) : new Float(data),
  };
}

/** Copies numbers into a float array. Throws `ATTN_DATA` or `ATTN_SHAPE`. */
export function fromNumbers(Float: FloatType, data: ArrayLike<number>, shape: Shape): NdArray {
  return { shape: [...dataShape("constant", data.length, shape)], data: new Float(data) };
}
