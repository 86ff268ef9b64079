import { collapse, strides } from "@attnkit/core/backend";
import type { Gpu } from "../ops/gpu.ts";
import { copyElements } from "../ops/pointwise.ts";
import { bytesOf, type GpuTensor } from "../tensor.ts";

/**
 * Returns a tensor that begins with the entries of `past` along `axis` and has `added` more, which are undefined. It lies in
 * the buffer of `past` if there is room behind it that no tensor sees. Otherwise `past` is copied to a buffer with room for
 * `capacity` entries if they are enough, or for twice the length.
 */
export function extended(gpu: Gpu, past: GpuTensor, axis: number, added: number, capacity: number): GpuTensor {
  const { memory, commands } = gpu;
  const length = past.shape[axis]! + added;
  const inPlace = memory.longer(past, axis, length);
  if (inPlace) return inPlace;
  const shape = past.shape.with(axis, length);
  const made = memory.growing(shape, past.dtype, axis, capacity >= length ? capacity : 2 * length);
  if (past.strides?.every((step, i) => step === made.strides![i])) {
    commands.copy(past, made, bytesOf(past));
    return made;
  }
  const all = memory.elements(made);
  const loops = collapse(past.shape, [strides(past.shape), made.strides!]);
  copyElements(gpu, { x: past }, { x: all, start: 0 }, loops);
  memory.free(all);
  return made;
}
