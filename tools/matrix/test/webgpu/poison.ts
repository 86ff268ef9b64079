import type { Tf } from "@attnkit/tfjs";

interface Buffers {
  acquireBuffer(size: number, usage: number, mapped?: boolean, reuse?: boolean): GPUBuffer;
}

/**
 * From now on every storage buffer that tfjs's WebGPU backend hands out holds NaN, so that a kernel that leaves part of
 * an output unwritten, or reads scratch memory before it wrote it, cannot pass. Returns how to stop.
 */
export function poison(tf: Tf): () => void {
  const { bufferManager, device } = tf.backend() as unknown as { bufferManager: Buffers; device: GPUDevice };
  const { acquireBuffer } = bufferManager;
  bufferManager.acquireBuffer = (size, usage, mapped = false, reuse = true) => {
    const buffer = acquireBuffer.call(bufferManager, size, usage, mapped, reuse);
    const storage = (usage & 0x80) !== 0; // GPUBufferUsage.STORAGE
    if (storage && buffer.mapState === "unmapped")
      device.queue.writeBuffer(buffer, 0, new Float32Array(size / 4).fill(Number.NaN));
    return buffer;
  };
  return () => {
    bufferManager.acquireBuffer = acquireBuffer;
  };
}

/** From now on every storage buffer that is made on a device holds NaN. */
export function poisonDevice(device: GPUDevice): void {
  const { createBuffer } = device;
  const poisoned = (descriptor: GPUBufferDescriptor): GPUBuffer => {
    const buffer = createBuffer.call(device, descriptor);
    const writable = (descriptor.usage & 0x88) === 0x88; // GPUBufferUsage.STORAGE | COPY_DST
    if (writable)
      device.queue.writeBuffer(buffer, 0, new Float32Array(Math.floor(descriptor.size / 4)).fill(Number.NaN));
    return buffer;
  };
  Object.defineProperty(device, "createBuffer", { value: poisoned, configurable: true, writable: true });
}
