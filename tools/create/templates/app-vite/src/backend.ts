import type { Backend } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { webgpu } from "@attnkit/webgpu";

/** Returns a backend on the GPU if the browser has WebGPU and an adapter, else one on the CPU. */
export async function bestBackend(): Promise<Backend<unknown>> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return cpu() as Backend<unknown>;
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
  return webgpu({ device }) as Backend<unknown>;
}
