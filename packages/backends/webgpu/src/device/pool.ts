import { AttentionError } from "@attnkit/core";
import type { ErrorScopes } from "./error-scopes.ts";

/** A buffer of the pool with the serial number of the batch of commands that used it last. */
interface Idle {
  readonly buffer: GPUBuffer;
  readonly batch: number;
}

/** The bytes and buffers that a backend has allocated. */
export interface MemoryUse {
  /** Buffers that the backend made and has not destroyed, with those of the pool. */
  readonly buffers: number;
  readonly bytes: number;
  /** The part of `bytes` that no tensor uses. */
  readonly idleBytes: number;
}

/**
 * Buffers for reuse, by usage and size. A size is rounded up to a multiple of an eighth of the power of two below it.
 *
 * A buffer may be handed out while commands that were encoded before still read it: the commands of one queue run in order,
 * and WebGPU orders the dispatches of one pass that use the same buffer. The exception is `queue.writeBuffer`: it runs before
 * commands that are encoded and not yet submitted. A buffer that the queue writes must therefore not be used by them.
 */
export interface BufferPool {
  /**
   * Returns a buffer of at least `bytes` with undefined contents. `pending` is the serial number of the batch that is
   * not submitted, if the queue will write the buffer before; undefined if only commands use it.
   * @throws `ATTN_UNSUPPORTED` if the device has no buffers of this size.
   */
  take(bytes: number, usage: number, pending?: number): GPUBuffer;
  /** Takes a buffer back. `batch` is the serial number of the batch that is being encoded. */
  give(buffer: GPUBuffer, batch: number): void;
  /** Destroys idle buffers until at most `most` idle bytes are left. Call it when no unsubmitted commands exist. */
  trim(most?: number): void;
  /** Destroys every buffer that it made, used or idle. */
  dispose(): void;
  readonly use: MemoryUse;
}

/** `most` is the number of idle bytes that are kept. */
export function bufferPool(device: GPUDevice, scopes: ErrorScopes, most: number): BufferPool {
  const { maxBufferSize } = device.limits;
  const idle = new Map<string, Idle[]>();
  const all = new Set<GPUBuffer>();
  let [bytes, idleBytes] = [0, 0];
  const destroy = (buffer: GPUBuffer) => {
    all.delete(buffer);
    bytes -= buffer.size;
    buffer.destroy();
  };
  return {
    take(least, usage, pending) {
      const size = Math.max(least, Math.min(sizeClass(least), maxBufferSize));
      const list = idle.get(keyOf(usage, size)) ?? [];
      const at = pending === undefined ? list.length - 1 : list.findLastIndex(({ batch }) => batch !== pending);
      if (at >= 0) {
        idleBytes -= size;
        return list.splice(at, 1)[0]!.buffer;
      }
      if (size > maxBufferSize)
        throw new AttentionError(
          "ATTN_UNSUPPORTED",
          "webgpu",
          `got a tensor of ${least} bytes, expected at most ${maxBufferSize} (the device's limit maxBufferSize)`,
        );
      const buffer = scopes.guarded(`a buffer of ${size} bytes`, () => device.createBuffer({ size, usage }));
      all.add(buffer);
      bytes += size;
      return buffer;
    },
    give(buffer, batch) {
      if (!all.has(buffer)) return; // destroyed by `dispose`
      const key = keyOf(buffer.usage, buffer.size);
      const list = idle.get(key) ?? [];
      list.push({ buffer, batch });
      idle.set(key, list);
      idleBytes += buffer.size;
    },
    trim(left = most) {
      for (const [key, list] of idleBytes > left ? idle : []) {
        while (list.length > 0 && idleBytes > left) {
          const { buffer } = list.shift()!;
          idleBytes -= buffer.size;
          destroy(buffer);
        }
        if (list.length === 0) idle.delete(key);
      }
    },
    dispose() {
      for (const buffer of all) destroy(buffer);
      idle.clear();
      idleBytes = 0;
    },
    get use() {
      return { buffers: all.size, bytes, idleBytes };
    },
  };
}

const keyOf = (usage: number, size: number) => `${usage}:${size}`;

/** The smallest buffer. */
const LEAST = 256;

/** Rounds up to a multiple of an eighth of the power of two below. */
export function sizeClass(bytes: number): number {
  if (bytes <= LEAST) return LEAST;
  const step = 2 ** Math.floor(Math.log2(bytes)) / 8;
  return Math.ceil(bytes / step) * step;
}
