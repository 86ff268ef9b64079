/** The properties of a device by which kernels choose tiles and refuse calls. */
export interface GpuFacts {
  /** The size of subgroups. Undefined if the device has none, or if the adapter reports several sizes. */
  readonly subgroups: number | undefined;
  /** Workgroup memory in bytes, at least 16384. */
  readonly workgroupMemory: number;
  /** The largest range of a buffer that a kernel may bind, in bytes. */
  readonly largestBuffer: number;
  /** The number of storage buffers that a kernel may bind, at least 8. */
  readonly buffers: number;
}

const known = new WeakMap<GPUDevice, GpuFacts>();

/**
 * Returns the facts of a device, always the same object.
 * @example
 * ```ts
 * const { workgroupMemory } = gpuFacts(host.device);
 * ```
 */
export function gpuFacts(device: GPUDevice): GpuFacts {
  const found = known.get(device);
  if (found) return found;
  const { adapterInfo, features, limits } = device;
  const { subgroupMinSize: least, subgroupMaxSize: most } = { ...infoOf(adapterInfo) };
  const facts: GpuFacts = {
    subgroups: features.has("subgroups") && least === most ? most : undefined,
    workgroupMemory: limits.maxComputeWorkgroupStorageSize,
    largestBuffer: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
    buffers: limits.maxStorageBuffersPerShaderStage,
  };
  known.set(device, facts);
  return facts;
}

/** The properties are getters of a prototype. Older implementations have no `adapterInfo`. */
const infoOf = (info: GPUAdapterInfo | undefined): Partial<GPUAdapterInfo> => ({
  ...(info && { subgroupMinSize: info.subgroupMinSize, subgroupMaxSize: info.subgroupMaxSize }),
});
