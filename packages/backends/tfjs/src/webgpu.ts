import { AttentionError } from "@attnkit/core";

/** What is used of npm's `webgpu`, Dawn for Node. */
export interface Dawn {
  create(flags: string[]): GPU;
  readonly globals: object;
}

export interface WebgpuOptions {
  /** In Node: the module `webgpu`. Its globals and `navigator.gpu` are defined here, because tfjs expects a browser's. */
  readonly webgpu?: Dawn;
  /** Handed to Dawn, e.g. `["backend=vulkan"]`. */
  readonly flags?: readonly string[];
  /** Default `"high-performance"`. */
  readonly powerPreference?: GPUPowerPreference;
}

export interface WebgpuDevice {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  /** The adapter computes on the CPU: right answers, and timings that say nothing about a GPU. */
  readonly software: boolean;
  /** Destroys the device; in Node also lets go of what keeps the process alive. */
  release(): void;
}

/** As strings: tfjs brings older types of WebGPU, which lack the last. */
const wanted: readonly string[] = ["timestamp-query", "bgra8unorm-storage", "shader-f16", "subgroups"];

/**
 * A WebGPU device with everything of the adapter that tfjs and our kernels use: tfjs's own device has neither subgroups
 * nor 16-bit floats. `new WebGPUBackend(device, info)` runs on it. Throws `ATTN_UNSUPPORTED` where there is no adapter.
 */
export async function webgpuDevice(options: WebgpuOptions = {}): Promise<WebgpuDevice> {
  const { webgpu, flags = [], powerPreference = "high-performance" } = options;
  const gpu = webgpu ? inNode(webgpu, flags) : (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (!gpu) throw refusal("there is no navigator.gpu; in Node hand in npm's module webgpu: webgpuDevice({ webgpu })");
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (!adapter) throw refusal("no adapter: this machine has no GPU, or no driver, that WebGPU can use");
  const requiredFeatures = wanted.filter((name) => adapter.features.has(name)) as GPUFeatureName[];
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits: limitsOf(adapter) });
  const release = () => {
    device.destroy();
    if (webgpu) Reflect.deleteProperty((globalThis as { navigator?: object }).navigator ?? {}, "gpu");
  };
  return { device, info: adapter.info, software: isSoftware(adapter.info), release };
}

/** Adapters that compute on the CPU, by what they call themselves. */
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
  // Node from 21 has a navigator of its own, whose properties are all getters.
  Object.defineProperty(scope.navigator, "gpu", { value: gpu, configurable: true, writable: true });
  return gpu;
}

const refusal = (message: string) => new AttentionError("ATTN_UNSUPPORTED", "webgpuDevice", message);
