import { available, useSoftwareVulkan } from "@attnkit/software-gpu";
import { type WebgpuDevice, webgpuDevice } from "@attnkit/tfjs/webgpu";

/**
 * Which adapter Dawn finds in Node: by default the software driver that npm brings, where there is one, so that every
 * machine computes the same; with `ATTNKIT_WEBGPU_ADAPTER=default` the machine's own GPU.
 */
export function useAdapter(): void {
  if (!ownGpu() && available) useSoftwareVulkan();
}

const ownGpu = () => process.env.ATTNKIT_WEBGPU_ADAPTER === "default";

/** A WebGPU device in Node, on the adapter of {@link useAdapter}. The device says which one it is. */
export async function dawnDevice(): Promise<WebgpuDevice> {
  useAdapter();
  const webgpu = await import("webgpu");
  return webgpuDevice({ webgpu, flags: ownGpu() ? [] : QUICKER });
}

/**
 * The software driver spells out the zeroing of workgroup memory number by number, which takes seconds per kernel. No kernel
 * may rely on it anyway.
 */
const QUICKER = ["enable-dawn-features=disable_workgroup_init"];
