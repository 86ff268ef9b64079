import type { BufferPool } from "./device/pool.ts";
import { isCopyable, READBACK } from "./device/usage.ts";
import type { StoredValues } from "./host-values.ts";
import type { Gpu } from "./ops/gpu.ts";
import { compact } from "./ops/pointwise.ts";
import { bytesOf, type GpuTensor } from "./tensor.ts";

/** Makes a tensor of host values. The values are copied before it returns. */
export function upload({ memory, host }: Gpu, { values, shape, dtype }: StoredValues): GpuTensor {
  const x = memory.make(shape, dtype, true);
  if (values.length > 0) host.device.queue.writeBuffer(x.buffer, x.offset, wholeWords(values));
  return x;
}

/** The queue writes multiples of 4 bytes: an odd number of halves is padded. */
function wholeWords<V extends ArrayBufferView<ArrayBuffer>>(values: V): V | Uint8Array<ArrayBuffer> {
  if (values.byteLength % 4 === 0) return values;
  const padded = new Uint8Array(4 * Math.ceil(values.byteLength / 4));
  padded.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return padded;
}

/** Submits a copy of a tensor with elements to a buffer that the host can map, after all operations before. */
export function staged(gpu: Gpu, pool: BufferPool, x: GpuTensor): GPUBuffer {
  const { commands, memory } = gpu;
  const bytes = bytesOf(x);
  const staging = pool.take(bytes, READBACK);
  commands.guarded("download", () =>
    memory.scope(
      () => {
        commands.copy(isPlain(x) ? x : compact(gpu, x), { buffer: staging, offset: 0 }, bytes);
        commands.flush();
      },
      () => [],
    ),
  );
  return staging;
}

/** Returns whether the elements can be copied as bytes: a buffer of the caller may lack the usage COPY_SRC. */
const isPlain = ({ buffer, strides }: GpuTensor): boolean => strides === undefined && isCopyable(buffer);
