import { isAttentionError } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import { deviceError, type Health } from "./device/health.ts";
import type { BufferPool } from "./device/pool.ts";
import { READ } from "./device/usage.ts";
import { fromHalves } from "./halves.ts";
import type { Gpu } from "./ops/gpu.ts";
import { bytesOf, type GpuTensor } from "./tensor.ts";

/**
 * Returns the values of a tensor from the buffer to which it was copied, which goes back to the pool; undefined for a
 * tensor without elements. Rejects with `ATTN_DEVICE` if the device is lost.
 */
export async function valuesOf(
  { commands }: Gpu,
  pool: BufferPool,
  health: Health,
  { shape, dtype }: GpuTensor,
  staging: GPUBuffer | undefined,
): Promise<Float32Array | Uint8Array> {
  const size = bytesOf({ shape, dtype });
  await commands.checked();
  await (staging && unlessLost(health, staging.mapAsync(READ, 0, size)));
  const bytes = staging?.getMappedRange(0, size).slice(0) ?? new ArrayBuffer(0);
  if (staging) {
    staging.unmap();
    pool.give(staging, commands.batch);
  }
  if (dtype === "float32") return new Float32Array(bytes);
  if (dtype === "float16") return fromHalves(new Uint16Array(bytes, 0, elementCount(shape)));
  return Uint8Array.from(new Int32Array(bytes), (b) => (b ? 1 : 0));
}

/** Waits for `work`. Rejects with `ATTN_DEVICE` if it fails or the device is lost before. */
async function unlessLost(health: Health, work: Promise<unknown>): Promise<void> {
  const failed = health.lost.then((why): never => {
    throw deviceError(`download: ${why}`);
  });
  // The losing promise of the race is settled too: without this handler it would be an unhandled rejection.
  failed.catch(() => {});
  work.catch(() => {});
  try {
    await Promise.race([work, failed]);
  } catch (error) {
    health.require();
    throw isAttentionError(error) ? error : deviceError(`download: ${(error as Error).message}`);
  }
}
