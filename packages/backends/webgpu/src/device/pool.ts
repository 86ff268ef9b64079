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
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #scopes: ErrorScopes;
  readonly #most: number;
  readonly #idle = new Map<string, Idle[]>();
  readonly #all = new Set<GPUBuffer>();
  #bytes = 0;
  #idleBytes = 0;

  /** `most` is the number of idle bytes that are kept. */
  constructor(device: GPUDevice, scopes: ErrorScopes, most: number) {
    this.#device = device;
    this.#scopes = scopes;
    this.#most = most;
  }

  /**
   * Returns a buffer of at least `bytes` with undefined contents. `pending` is the serial number of the batch that is
   * not submitted, if the queue will write the buffer before; undefined if only commands use it.
   * @throws `ATTN_UNSUPPORTED` if the device has no buffers of this size.
   */
  take(bytes: number, usage: number, pending?: number): GPUBuffer {
    const { maxBufferSize } = this.#device.limits;
    const size = Math.max(bytes, Math.min(sizeClass(bytes), maxBufferSize));
    const list = this.#idle.get(keyOf(usage, size)) ?? [];
    const at = pending === undefined ? list.length - 1 : list.findLastIndex(({ batch }) => batch !== pending);
    if (at >= 0) {
      this.#idleBytes -= size;
      return list.splice(at, 1)[0]!.buffer;
    }
    if (size > maxBufferSize)
      throw new AttentionError(
        "ATTN_UNSUPPORTED",
        "webgpu",
        `got a tensor of ${bytes} bytes, expected at most ${maxBufferSize} (the device's limit maxBufferSize)`,
      );
    const buffer = this.#scopes.guarded(`a buffer of ${size} bytes`, () => this.#device.createBuffer({ size, usage }));
    this.#all.add(buffer);
    this.#bytes += size;
    return buffer;
  }

  /** Takes a buffer back. `batch` is the serial number of the batch that is being encoded. */
  give(buffer: GPUBuffer, batch: number): void {
    if (!this.#all.has(buffer)) return; // destroyed by `dispose`
    const key = keyOf(buffer.usage, buffer.size);
    const list = this.#idle.get(key) ?? [];
    list.push({ buffer, batch });
    this.#idle.set(key, list);
    this.#idleBytes += buffer.size;
  }

  /** Destroys idle buffers until at most `most` idle bytes are left. Call it when no unsubmitted commands exist. */
  trim(most: number = this.#most): void {
    if (this.#idleBytes <= most) return;
    for (const [key, list] of this.#idle) {
      while (list.length > 0 && this.#idleBytes > most) {
        const { buffer } = list.shift()!;
        this.#idleBytes -= buffer.size;
        this.#destroy(buffer);
      }
      if (list.length === 0) this.#idle.delete(key);
    }
  }

  /** Destroys every buffer that it made, used or idle. */
  dispose(): void {
    for (const buffer of this.#all) this.#destroy(buffer);
    this.#idle.clear();
    this.#idleBytes = 0;
  }

  get use(): MemoryUse {
    return { buffers: this.#all.size, bytes: this.#bytes, idleBytes: this.#idleBytes };
  }

  #destroy(buffer: GPUBuffer): void {
    this.#all.delete(buffer);
    this.#bytes -= buffer.size;
    buffer.destroy();
  }
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
