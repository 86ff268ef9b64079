import type { Data, Shape } from "@attnkit/core";
import { dataShape, type HostData } from "@attnkit/core/backend";

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

/** A float type that the backend can be made in. */
export type CpuDType = "float32" | "float64";

/** The float types that the backend can be made in, the default first. */
export const dtypes: readonly CpuDType[] = ["float32", "float64"];

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

/** Host data as an array that shares no memory with it. */
export function fromData(Float: FloatType, { data, shape }: HostData): NdArray {
  return {
    shape: [...shape],
    data: isBytes(data) ? Uint8Array.from(data, (b) => (b ? 1 : 0)) : new Float(data),
  };
}

/** Returns whether data are booleans as bytes, in every realm. */
export const isBytes = (data: Data): data is Uint8Array =>
  data instanceof Uint8Array || Object.prototype.toString.call(data) === "[object Uint8Array]";

/** Numbers as a float array. */
export function fromNumbers(Float: FloatType, data: ArrayLike<number>, shape: Shape): NdArray {
  return { shape: [...dataShape("constant", data.length, shape)], data: new Float(data) };
}
