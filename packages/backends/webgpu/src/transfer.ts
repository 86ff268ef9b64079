import type { Health } from "./device/health.ts";
import type { BufferPool } from "./device/pool.ts";
import { isCopyable, READ, READBACK } from "./device/usage.ts";
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

/** Copies the bytes of a tensor to the host, after all operations before. Rejects with `ATTN_DEVICE` if the device is lost. */
export async function download(gpu: Gpu, pool: BufferPool, health: Health, x: GpuTensor): Promise<ArrayBuffer> {
  const { commands, memory } = gpu;
  health.require();
  const bytes = bytesOf(x);
  if (bytes === 0) return new ArrayBuffer(0);
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
  await commands.checked();
  await health.during("download", staging.mapAsync(READ, 0, bytes));
  const data = staging.getMappedRange(0, bytes).slice(0);
  staging.unmap();
  pool.give(staging, commands.batch);
  return data;
}

/** Returns whether the elements can be copied as bytes: a buffer of the caller may lack the usage COPY_SRC. */
const isPlain = ({ buffer, strides }: GpuTensor): boolean => strides === undefined && isCopyable(buffer);
