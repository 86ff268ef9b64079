import type { Backend } from "@attnkit/core";
import { type Gpu, gpuOf } from "@attnkit/tfjs/kernels";

/** What a device was asked for through the WebGPU API, whoever asked. */
export interface Meter {
  /** Compute dispatches encoded since `reset`. */
  readonly dispatches: number;
  /** Bytes of the buffers that are alive: created since the device was first metered, and not destroyed. */
  readonly bytes: number;
  /** The most that `bytes` was since `reset`. */
  readonly peakBytes: number;
  reset(): void;
}

/** One call on the GPU, without what was there before it. */
export interface GpuUse {
  readonly dispatches: number;
  /** By how much the bytes of buffers alive rose at their highest: scratch memory and results, not inputs. */
  readonly bytes: number;
}

interface Tally extends Meter {
  dispatches: number;
  bytes: number;
  peakBytes: number;
}

const meters = new WeakMap<GPUDevice, Meter>();

/** The meter of a device; the same one whenever it is asked for. It sees what happens after it was first asked for. */
export function meter(device: GPUDevice): Meter {
  const known = meters.get(device);
  if (known) return known;
  const tally: Tally = {
    ...{ dispatches: 0, bytes: 0, peakBytes: 0 },
    reset() {
      tally.dispatches = 0;
      tally.peakBytes = tally.bytes;
    },
  };
  after(device, "createBuffer", (buffer: GPUBuffer) => countBytes(tally, buffer));
  after(device, "createCommandEncoder", (encoder: GPUCommandEncoder) =>
    after(encoder, "beginComputePass", (pass: GPUComputePassEncoder) => {
      const count = () => {
        tally.dispatches += 1;
      };
      after(pass, "dispatchWorkgroups", count);
      after(pass, "dispatchWorkgroupsIndirect", count);
    }),
  );
  meters.set(device, tally);
  return tally;
}

/**
 * What `call` asks of the GPU that `backend` runs on; undefined for a backend that runs on none that can be metered.
 * tfjs keeps the buffers of freed tensors for later ones: those are destroyed before, so that the call pays for all that
 * it needs.
 */
export async function gpuUse(backend: Backend<unknown>, call: () => Promise<unknown>): Promise<GpuUse | undefined> {
  const gpu = gpuOf(backend as Parameters<typeof gpuOf>[0]);
  if (typeof gpu === "string") return undefined;
  const { device } = gpu;
  const used = meter(device);
  emptyPool(gpu);
  used.reset();
  const before = used.bytes;
  await call();
  return { dispatches: used.dispatches, bytes: used.peakBytes - before };
}

/** tfjs 4.22's pool of buffers; its public `dispose` would destroy those in use as well. */
interface Pool {
  freeBuffers: Map<string, GPUBuffer[]>;
  numFreeBuffers: number;
  numBytesAllocated: number;
}

function emptyPool({ backend }: Gpu): void {
  // What the queue still owned is free afterwards, and the next encoder is a metered one.
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  const pool = backend.bufferManager as unknown as Pool;
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

/** Calls `then` with what each call of a method of this one object returns. */
function after<O extends object, R>(object: O, name: keyof O & string, then: (result: R) => void): void {
  const method = object[name] as (...args: unknown[]) => R;
  const metered = (...args: unknown[]): R => {
    const result = method.apply(object, args);
    then(result);
    return result;
  };
  Object.defineProperty(object, name, { value: metered, configurable: true, writable: true });
}
