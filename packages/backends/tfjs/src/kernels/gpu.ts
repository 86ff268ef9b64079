import type { Backend } from "@attnkit/core";
import type { Tensor, Tf } from "../tf.ts";

/**
 * What kernels use of tfjs's WebGPU backend. Its own `runWebGPUProgram` writes one output per program and knows neither
 * workgroup memory nor its limits, so kernels are encoded beside it, into the same command stream.
 */
interface WebGPUBackend {
  readonly device: GPUDevice;
  readonly tensorMap: { get(dataId: object): { resource?: GPUBuffer } };
  readonly bufferManager: { acquireBuffer(size: number, usage: number): GPUBuffer };
  uploadToGPU(dataId: object): void;
  makeTensorInfo(shape: number[], dtype: "float32"): { dataId: object; shape: number[]; dtype: "float32" };
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  commandEncoder: GPUCommandEncoder;
  commandQueueOwnedIds: WeakSet<object>;
  uniformPendingDisposal: GPUBuffer[];
  dispatchCountInPass: number;
}

/** tfjs on WebGPU: where kernels run. */
export interface Gpu {
  readonly tf: Tf;
  readonly device: GPUDevice;
  readonly backend: WebGPUBackend;
  /** Size of subgroups, where the device has them and the adapter says that they are all of one size. */
  readonly subgroups: number | undefined;
  /** Bytes of workgroup memory: at least 16 KiB. */
  readonly workgroupMemory: number;
  /** The largest buffer that a kernel may bind, in bytes. */
  readonly largestBuffer: number;
}

const made = new WeakMap<GPUDevice, Gpu>();

/** The GPU that a backend of kind `"tfjs"` runs on now, or why it runs on none. */
export function gpuOf(backend: Backend<Tensor>): Gpu | string {
  const { tf } = backend as { readonly tf?: Tf };
  if (tf === undefined) return `${backend.name} is not a tfjs backend`;
  if (tf.getBackend() !== "webgpu") return `tfjs runs on ${tf.getBackend()}, not on webgpu`;
  const webgpu = tf.backend() as unknown as WebGPUBackend;
  if (!("uniformPendingDisposal" in webgpu)) return "this version of tfjs-backend-webgpu is unknown; expected 4.22";
  const { device } = webgpu;
  const known = made.get(device);
  if (known) return known;
  const info = (webgpu as { adapterInfo?: unknown }).adapterInfo;
  const { subgroupMinSize: least, subgroupMaxSize: most } = { ...(device.adapterInfo ?? info) } as GPUAdapterInfo;
  const gpu: Gpu = {
    tf,
    device,
    backend: webgpu,
    subgroups: device.features.has("subgroups") && least === most ? most : undefined,
    workgroupMemory: device.limits.maxComputeWorkgroupStorageSize,
    largestBuffer: Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize),
  };
  made.set(device, gpu);
  return gpu;
}

/** A new tensor whose elements are whatever its buffer held: a kernel writes them all. */
export function output(gpu: Gpu, shape: readonly number[]): Tensor {
  const info = gpu.backend.makeTensorInfo([...shape], "float32");
  gpu.backend.uploadToGPU(info.dataId);
  return gpu.tf.engine().makeTensorFromTensorInfo(info);
}
