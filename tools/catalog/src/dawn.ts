import { available, useSoftwareVulkan } from "@attnkit/software-gpu";
import { type WebgpuDevice, webgpuDevice } from "@attnkit/tfjs/webgpu";

/**
 * Which adapter Dawn finds in Node: by default the software driver that npm brings, where there is one, so that every
 * machine computes the same; with `ATTNKIT_WEBGPU_ADAPTER=default` the machine's own GPU.
 */
export function useAdapter(): void {
  const wanted = process.env.ATTNKIT_WEBGPU_ADAPTER ?? "swiftshader";
  if (wanted !== "default" && available) useSoftwareVulkan();
}

/** A WebGPU device in Node, on the adapter of {@link useAdapter}. The device says which one it is. */
export async function dawnDevice(): Promise<WebgpuDevice> {
  useAdapter();
  const webgpu = await import("webgpu");
  return webgpuDevice({ webgpu });
}
