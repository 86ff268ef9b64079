import type { Binding } from "@attnkit/wgsl";
import type { BufferPool } from "./pool.ts";
import { PARAMETERS } from "./usage.ts";

/** The bytes of one buffer of parameters. */
const CHUNK = 65_536;

/**
 * The parameters of the dispatches of one batch, one after another in few buffers. The host collects them, and the queue writes
 * each buffer once, before the commands are submitted. The queue runs in order, so that the next batch uses the same buffers.
 */
export class Parameters {
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #chunks: { readonly buffer: GPUBuffer; readonly host: Uint8Array<ArrayBuffer> }[] = [];
  /** The chunk that is filled, and the number of its bytes in use. */
  #at = 0;
  #used = 0;

  constructor(device: GPUDevice, pool: BufferPool) {
    this.#device = device;
    this.#pool = pool;
  }

  /** Stores the parameters of a dispatch of the batch that is being encoded. */
  place(data: ArrayBuffer): Binding {
    const step = this.#device.limits.minUniformBufferOffsetAlignment;
    const room = Math.ceil(data.byteLength / step) * step;
    if (this.#used + room > CHUNK) {
      this.#at += 1;
      this.#used = 0;
    }
    this.#chunks[this.#at] ??= { buffer: this.#pool.take(CHUNK, PARAMETERS), host: new Uint8Array(CHUNK) };
    const chunk = this.#chunks[this.#at]!;
    const offset = this.#used;
    chunk.host.set(new Uint8Array(data), offset);
    this.#used += room;
    return { buffer: chunk.buffer, offset, size: data.byteLength };
  }

  /** Writes the parameters of the batch to the GPU. Call it right before the batch is submitted. */
  write(): void {
    this.#chunks.slice(0, this.#at + 1).forEach(({ buffer, host }, i) => {
      const bytes = i < this.#at ? CHUNK : this.#used;
      if (bytes > 0) this.#device.queue.writeBuffer(buffer, 0, host, 0, bytes);
    });
    this.#at = 0;
    this.#used = 0;
  }
}
