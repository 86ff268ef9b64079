import type { Shape } from "@attnkit/core";
import { dataShape, Remembered } from "@attnkit/core/backend";
import type { StoredValues } from "../host-values.ts";
import type { GpuTensor } from "../tensor.ts";
import { upload } from "../transfer.ts";
import type { Gpu } from "./gpu.ts";

/** The number of constants that stay on the GPU, and the number of elements of the largest. Together at most 16 MiB. */
const MOST = 64;
const MOST_ELEMENTS = 65_536;

interface Known {
  readonly tensor: GpuTensor;
  readonly values: Uint32Array;
}

/** Tensors of given values. Those that programs ask for again are uploaded once. */
export interface Constants {
  /** Returns a float tensor with these values. Throws `ATTN_DATA` if their number does not fit the shape. */
  floats(data: ArrayLike<number>, shape: Shape): GpuTensor;
  /** Returns indices as the integers of a boolean tensor. */
  indices(data: readonly number[]): GpuTensor;
}

export function constantsOf(gpu: Gpu): Constants {
  const { memory } = gpu;
  const remembered = new Remembered<string, Known>(MOST, ({ tensor }) => memory.free(tensor));
  const constant = (x: StoredValues & { readonly values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> }) => {
    const { values, shape, dtype } = x;
    if (values.length > MOST_ELEMENTS) return upload(gpu, x);
    const bits = new Uint32Array(values.buffer);
    const known = remembered.get(`${dtype} ${values.length} ${hash(bits)}`, () => ({
      tensor: memory.outsideScopes(() => upload(gpu, { ...x, shape: [values.length] })),
      values: bits,
    }));
    // Other values with the same hash are not remembered.
    return known.values.every((value, i) => value === bits[i]) ? memory.alias(known.tensor, shape) : upload(gpu, x);
  };
  return {
    floats: (data, shape) =>
      constant({
        values: new Float32Array(data),
        shape: dataShape("constant", data.length, shape),
        dtype: "float32",
      }),
    indices: (data) => constant({ values: Int32Array.from(data), shape: [data.length], dtype: "boolean" }),
  };
}

/** FNV-1a over 32-bit words. */
function hash(words: Uint32Array): number {
  let h = 0x811c9dc5;
  for (const word of words) h = Math.imul(h ^ word, 0x01000193) ^ (h >>> 15);
  return h >>> 0;
}
