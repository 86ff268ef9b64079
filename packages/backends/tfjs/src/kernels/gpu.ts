import type { Backend } from "@attnkit/core";
import type { Tensor, Tf } from "../tf.ts";

/**
 * The part of tfjs's WebGPU backend that kernels use. tfjs's own `runWebGPUProgram` writes one output per program and
 * does not support workgroup memory. Our kernels are therefore encoded into tfjs's command stream directly.
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

/** The WebGPU device and tfjs backend that kernels run on. */
export interface Gpu {
  readonly tf: Tf;
  readonly device: GPUDevice;
  readonly backend: WebGPUBackend;
  /** The size of subgroups. Undefined if the device has none, or if the adapter reports several sizes. */
  readonly subgroups: number | undefined;
  /** Workgroup memory in bytes, at least 16384. */
  readonly workgroupMemory: number;
  /** The largest buffer that a kernel may bind, in bytes. */
  readonly largestBuffer: number;
}

const made = new WeakMap<GPUDevice, Gpu>();

/**
 * Returns the GPU that a backend of kind `"tfjs"` runs on now, or the reason why it runs on none.
 * @example
 * ```ts
 * const gpu = gpuOf(backend);
 * if (typeof gpu === "string") return gpu; // for example "tfjs runs on cpu, not on webgpu"
 * ```
 */
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

/**
 * Makes a float32 tensor with undefined contents. A kernel must write every element.
 * @example
 * ```ts
 * const y = output(gpu, [B, H, L, dv]);
 * ```
 */
export function output(gpu: Gpu, shape: readonly number[]): Tensor {
  const info = gpu.backend.makeTensorInfo([...shape], "float32");
  gpu.backend.uploadToGPU(info.dataId);
  return gpu.tf.engine().makeTensorFromTensorInfo(info);
}
