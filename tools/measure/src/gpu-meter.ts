import type { Backend } from "@attnkit/core";
import type { TfjsBackend } from "@attnkit/tfjs";
import type { WebgpuBackend } from "@attnkit/webgpu";
import { hostOf } from "@attnkit/wgsl";

/** Counts the use of a device through the WebGPU API, by attnkit and others. */
export interface Meter {
  /** Compute dispatches that were encoded since `reset`. */
  readonly dispatches: number;
  /** Calls of `queue.submit` since `reset`. */
  readonly submits: number;
  /** Bytes that encoded commands copy from buffer to buffer since `reset`, without those that dispatches write. */
  readonly copiedBytes: number;
  /** Bytes that the queue wrote from the host since `reset`. */
  readonly writtenBytes: number;
  /** Bytes of live buffers: those created since the device was first metered, and not destroyed. */
  readonly bytes: number;
  /** The maximum of `bytes` since `reset`. */
  readonly peakBytes: number;
  reset(): void;
}

/** The GPU use of one call, without what existed before it. */
export interface GpuUse {
  readonly dispatches: number;
  /** The increase of the bytes of live buffers at their peak: scratch memory and results, not inputs. */
  readonly bytes: number;
}

interface Tally extends Meter {
  dispatches: number;
  submits: number;
  copiedBytes: number;
  writtenBytes: number;
  bytes: number;
  peakBytes: number;
}

const meters = new WeakMap<GPUDevice, Meter>();

/** Returns the meter of a device, always the same one. It counts from the first call of this function on. */
export function meter(device: GPUDevice): Meter {
  const known = meters.get(device);
  if (known) return known;
  const tally: Tally = {
    ...{ dispatches: 0, submits: 0, copiedBytes: 0, writtenBytes: 0, bytes: 0, peakBytes: 0 },
    reset() {
      tally.dispatches = 0;
      tally.submits = 0;
      tally.copiedBytes = 0;
      tally.writtenBytes = 0;
      tally.peakBytes = tally.bytes;
    },
  };
  after(device, "createBuffer", (buffer: GPUBuffer) => countBytes(tally, buffer));
  after(device, "createCommandEncoder", (encoder: GPUCommandEncoder) => {
    after(encoder, "copyBufferToBuffer", (_, given) => {
      tally.copiedBytes += given.at(-1) as number; // both overloads end with the size
    });
    after(encoder, "beginComputePass", (pass: GPUComputePassEncoder) => {
      const count = () => {
        tally.dispatches += 1;
      };
      after(pass, "dispatchWorkgroups", count);
      after(pass, "dispatchWorkgroupsIndirect", count);
    });
  });
  after(device.queue, "writeBuffer", (_, [, , data, start, size]) => {
    tally.writtenBytes += writtenBytes(data as ArrayBufferView | ArrayBuffer, start as number, size as number);
  });
  after(device.queue, "submit", () => {
    tally.submits += 1;
  });
  meters.set(device, tally);
  return tally;
}

/** Returns the WebGPU device of a backend, or undefined if it has none that can be reached. */
export function deviceOf(backend: Backend<unknown>): GPUDevice | undefined {
  const host = hostOf(backend);
  return typeof host === "string" ? undefined : host.device;
}

/**
 * Measures the use of a backend's GPU by `call`. Returns undefined if the backend has no GPU that can be metered. tfjs
 * and `@attnkit/webgpu` keep buffers of freed tensors for later ones. They are destroyed before, so that the call must allocate all that it
 * needs.
 */
export async function gpuUse(backend: Backend<unknown>, call: () => Promise<unknown>): Promise<GpuUse | undefined> {
  const device = deviceOf(backend);
  if (!device) return undefined;
  const used = meter(device);
  if ("tf" in backend) emptyPool((backend as TfjsBackend).tf.backend() as unknown as PooledBackend);
  if ("trim" in backend) (backend as WebgpuBackend).trim();
  used.reset();
  const before = used.bytes;
  await call();
  return { dispatches: used.dispatches, bytes: used.peakBytes - before };
}

/** The part of tfjs 4.22's WebGPU backend that ends its work and holds its pool. */
interface PooledBackend {
  readonly bufferManager: Pool;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

/** tfjs 4.22's pool of buffers. Its public `dispose` would also destroy buffers in use. */
interface Pool {
  freeBuffers: Map<string, GPUBuffer[]>;
  numFreeBuffers: number;
  numBytesAllocated: number;
}

function emptyPool(backend: PooledBackend): void {
  // Afterwards, buffers that the queue owned are free, and the next encoder is a metered one.
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  const pool = backend.bufferManager;
  for (const buffers of pool.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      pool.numFreeBuffers -= 1;
      pool.numBytesAllocated -= buffer.size;
      buffer.destroy();
    }
  }
}

function countBytes(tally: Tally, buffer: GPUBuffer): void {
  tally.bytes += buffer.size;
  tally.peakBytes = Math.max(tally.peakBytes, tally.bytes);
  let alive = true;
  after(buffer, "destroy", () => {
    if (alive) tally.bytes -= buffer.size;
    alive = false;
  });
}

/** Returns the bytes of a `writeBuffer`. Its start and size count elements of a typed array, and bytes otherwise. */
function writtenBytes(data: ArrayBufferView | ArrayBuffer, start = 0, size?: number): number {
  const unit = (data as Partial<Uint8Array>).BYTES_PER_ELEMENT ?? 1;
  return size === undefined ? data.byteLength - start * unit : size * unit;
}

/** Replaces a method of this object by one that passes each result to `then`, and the arguments. */
function after<O extends object, R>(
  object: O,
  name: keyof O & string,
  then: (result: R, given: readonly unknown[]) => void,
): void {
  const method = object[name] as (...args: unknown[]) => R;
  const metered = (...args: unknown[]): R => {
    const result = method.apply(object, args);
    then(result, args);
    return result;
  };
  Object.defineProperty(object, name, { value: metered, configurable: true, writable: true });
}
