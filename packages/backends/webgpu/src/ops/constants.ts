import type { Shape } from "@attnkit/core";
import { dataShape, Remembered } from "@attnkit/core/backend";
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
export class Constants {
  readonly #gpu: Gpu;
  readonly #known: Remembered<string, Known>;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    this.#known = new Remembered<string, Known>(MOST, ({ tensor }) => gpu.memory.free(tensor));
  }

  /** Returns a float tensor with these values. Throws `ATTN_DATA` if their number does not fit the shape. */
  floats(data: ArrayLike<number>, shape: Shape): GpuTensor {
    return this.#constant(new Float32Array(data), dataShape("constant", data.length, shape), "float32");
  }

  /** Returns indices as the integers of a boolean tensor. */
  indices(data: readonly number[]): GpuTensor {
    return this.#constant(Int32Array.from(data), [data.length], "boolean");
  }

  #constant(
    values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
    shape: Shape,
    dtype: GpuTensor["dtype"],
  ): GpuTensor {
    const { memory } = this.#gpu;
    if (values.length > MOST_ELEMENTS) return upload(this.#gpu, { values, shape, dtype });
    const bits = new Uint32Array(values.buffer);
    const key = `${dtype} ${values.length} ${hash(bits)}`;
    const make = () => ({
      tensor: memory.outsideScopes(() => upload(this.#gpu, { values, shape: [values.length], dtype })),
      values: bits,
    });
    const known = this.#known.get(key, make);
    // Other values with the same hash are not remembered.
    if (!known.values.every((value, i) => value === bits[i])) return upload(this.#gpu, { values, shape, dtype });
    return memory.alias(known.tensor, shape);
  }
}

/** FNV-1a over 32-bit words. */
function hash(words: Uint32Array): number {
  let h = 0x811c9dc5;
  for (const word of words) h = Math.imul(h ^ word, 0x01000193) ^ (h >>> 15);
  return h >>> 0;
}
