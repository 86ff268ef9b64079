import { AttentionError } from "@attnkit/core";

/** The part of npm's `webgpu`, Dawn for Node, that is used. */
export interface Dawn {
  create(flags: string[]): GPU;
  readonly globals: object;
}

export interface WebgpuOptions {
  /**
   * In Node: the module `webgpu`. `webgpuDevice` defines its globals and `navigator.gpu`, because tfjs expects a
   * browser's.
   */
  readonly webgpu?: Dawn;
  /** Passed on to Dawn, for example `["backend=vulkan"]`. Default: `[]`. */
  readonly flags?: readonly string[];
  /** Default: `"high-performance"`. */
  readonly powerPreference?: GPUPowerPreference;
}

export interface WebgpuDevice {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  /** True if the adapter computes on the CPU. Results are correct, but times say nothing about a GPU. */
  readonly software: boolean;
  /** Destroys the device. In Node it also removes `navigator.gpu`, which keeps the process alive. */
  release(): void;
}

/**
 * Dawn's instances in Node whose devices are not released. Dawn ends the process if an instance is collected while a
 * device of it lives.
 */
const instances = new Set<GPU>();

/** Typed as strings: tfjs brings older types of WebGPU, which lack "subgroups". */
const wanted: readonly string[] = ["timestamp-query", "bgra8unorm-storage", "shader-f16", "subgroups"];

/**
 * Requests a WebGPU device with all features and limits that tfjs and our kernels can use. tfjs's own device has
 * neither subgroups nor 16-bit floats.
 *
 * @throws `ATTN_UNSUPPORTED` if WebGPU or an adapter is missing.
 * @example
 * ```ts
 * const { device, info } = await webgpuDevice();
 * tf.registerBackend("webgpu", () => new WebGPUBackend(device, info));
 * await tf.setBackend("webgpu");
 * ```
 */
export async function webgpuDevice(options: WebgpuOptions = {}): Promise<WebgpuDevice> {
  const { webgpu, flags = [], powerPreference = "high-performance" } = options;
  const gpu = webgpu ? inNode(webgpu, flags) : (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (!gpu)
    throw refusal(
      "WebGPU is not available: there is no navigator.gpu. In Node, pass npm's module webgpu: webgpuDevice({ webgpu })",
    );
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (!adapter) throw refusal("WebGPU found no adapter: this machine has no GPU, or no driver that WebGPU can use");
  const requiredFeatures = wanted.filter((name) => adapter.features.has(name)) as GPUFeatureName[];
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits: limitsOf(adapter) });
  if (webgpu) instances.add(gpu);
  const release = () => {
    device.destroy();
    instances.delete(gpu);
    if (webgpu) Reflect.deleteProperty((globalThis as { navigator?: object }).navigator ?? {}, "gpu");
  };
  return { device, info: adapter.info, software: isSoftware(adapter.info), release };
}

/**
 * Returns whether an adapter computes on the CPU, by its vendor, architecture and description.
 * @example
 * ```ts
 * const { info } = await webgpuDevice();
 * if (isSoftware(info)) console.warn("Times on this adapter say nothing about a GPU.");
 * ```
 */
export function isSoftware(info: { readonly [name in "vendor" | "architecture" | "description"]?: string }): boolean {
  const fallback = (info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true;
  const text = `${info.vendor} ${info.architecture} ${info.description}`.toLowerCase();
  return fallback || /swiftshader|llvmpipe|lavapipe|basic render/.test(text);
}

const limits = [
  ...["maxComputeWorkgroupStorageSize", "maxComputeWorkgroupsPerDimension", "maxComputeWorkgroupSizeX"],
  ...["maxComputeInvocationsPerWorkgroup", "maxStorageBufferBindingSize", "maxBufferSize"],
  "maxStorageBuffersPerShaderStage",
] as const;

const limitsOf = ({ limits: most }: GPUAdapter): Record<string, number> =>
  Object.fromEntries(limits.map((name) => [name, most[name as keyof GPUSupportedLimits] as number]));

function inNode({ create, globals }: Dawn, flags: readonly string[]): GPU {
  const scope = globalThis as { navigator?: object; self?: unknown };
  Object.assign(scope, globals);
  scope.self ??= scope;
  const gpu = create([...flags]);
  if (scope.navigator === undefined)
    Object.defineProperty(scope, "navigator", { value: {}, configurable: true, writable: true });
  // Node >= 21 defines its own navigator, whose properties are getters.
  Object.defineProperty(scope.navigator, "gpu", { value: gpu, configurable: true, writable: true });
  return gpu;
}

const refusal = (message: string) => new AttentionError("ATTN_UNSUPPORTED", "webgpuDevice", message);
