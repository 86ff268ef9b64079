import { isCopyable } from "../device/usage.ts";
import type { Gpu } from "../ops/gpu.ts";
import { bytesOf, type GpuTensor } from "../tensor.ts";

/** A tensor of a cache that has become longer. Its last entries are undefined. */
export interface Extended {
  readonly x: GpuTensor;
  /** The first entries of `x`, if they are not written yet because they lie in another order: row-major. */
  readonly past?: GpuTensor;
}

/**
 * Returns a tensor that begins with the entries of `past` along `axis` and has `added` more. It lies in the buffer of `past` if
 * there is room behind it that no tensor sees. Otherwise it lies in a new buffer with room for `capacity` entries if they are
 * enough, or for twice the length.
 */
export function extended(gpu: Gpu, past: GpuTensor, axis: number, added: number, capacity: number): Extended {
  const { memory, commands } = gpu;
  const length = past.shape[axis]! + added;
  const inPlace = memory.longer(past, axis, length);
  if (inPlace) return { x: inPlace };
  const x = memory.growing(past.shape.with(axis, length), past.dtype, axis, capacity >= length ? capacity : 2 * length);
  if (!liesAlike(past, x, axis)) return { x, past };
  commands.copy(past, x, bytesOf(past));
  return { x };
}

/** Returns whether the entries of `past` lie as those of `x` do, and can be copied as bytes. */
const liesAlike = ({ shape, strides, buffer }: GpuTensor, x: GpuTensor, axis: number): boolean =>
  strides
    ? strides.every((step, i) => step === x.strides![i])
    : shape.slice(0, axis).every((n) => n === 1) && isCopyable(buffer);
