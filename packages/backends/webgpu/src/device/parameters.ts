import type { Binding } from "@attnkit/wgsl";
import type { BufferPool } from "./pool.ts";
import { PARAMETERS } from "./usage.ts";

/** The bytes of one buffer of parameters. */
const CHUNK = 65_536;

/**
 * The parameters of the dispatches of one batch, one after another in few buffers. The host collects them, and the queue writes
 * each buffer once, before the commands are submitted. The queue runs in order, so that the next batch uses the same buffers.
 */
export interface Parameters {
  /** Stores the parameters of a dispatch of the batch that is being encoded. */
  place(data: ArrayBuffer): Binding;
  /** Writes the parameters of the batch to the GPU. Call it right before the batch is submitted. */
  write(): void;
}

export function batchParameters({ limits, queue }: GPUDevice, pool: BufferPool): Parameters {
  const chunks: { readonly buffer: GPUBuffer; readonly host: Uint8Array<ArrayBuffer> }[] = [];
  /** The chunk that is filled, and the number of its bytes in use. */
  let [at, used] = [0, 0];
  return {
    place(data) {
      const step = limits.minUniformBufferOffsetAlignment;
      const room = Math.ceil(data.byteLength / step) * step;
      if (used + room > CHUNK) {
        at += 1;
        used = 0;
      }
      chunks[at] ??= { buffer: pool.take(CHUNK, PARAMETERS), host: new Uint8Array(CHUNK) };
      const { buffer, host } = chunks[at]!;
      const offset = used;
      host.set(new Uint8Array(data), offset);
      used += room;
      return { buffer, offset, size: data.byteLength };
    },
    write() {
      chunks.slice(0, at + 1).forEach(({ buffer, host }, i) => {
        const bytes = i < at ? CHUNK : used;
        if (bytes > 0) queue.writeBuffer(buffer, 0, host, 0, bytes);
      });
      [at, used] = [0, 0];
    },
  };
}
