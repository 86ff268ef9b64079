import type { Backend } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { webgpu } from "@attnkit/webgpu";

/** A backend, and the reason why it was chosen, for people. */
export interface Chosen {
  readonly backend: Backend<unknown>;
  readonly why: string;
}

/** Returns the WebGPU backend if the browser gives a device, and the CPU backend if it does not. */
export async function chooseBackend(): Promise<Chosen> {
  const device = await requestDevice();
  if (typeof device === "string") return { backend: cpu(), why: device };
  return { backend: webgpu({ device }), why: "this browser has a WebGPU adapter" };
}

/** Returns a device, or the reason why there is none. */
async function requestDevice(): Promise<GPUDevice | string> {
  if (!isSecureContext) return "WebGPU needs a page served over https or from localhost";
  if (!navigator.gpu) return "this browser has no WebGPU";
  try {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) return "the browser has WebGPU, but no adapter on this machine";
    // The default limits of WebGPU admit tensors of 128 MiB; most adapters have more.
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    return await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
  } catch (error) {
    return `the browser gave no WebGPU device: ${error instanceof Error ? error.message : String(error)}`;
  }
}
