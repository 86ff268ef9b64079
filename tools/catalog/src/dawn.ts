import { available, softwareVulkanEnvironment, useSoftwareVulkan } from "@attnkit/software-gpu";
import { type WebgpuDevice, webgpuDevice } from "@attnkit/tfjs/webgpu";

/**
 * Selects the adapter that Dawn finds in Node. By default this is the software driver that npm installs, if there is
 * one, so that every machine computes the same. With `ATTNKIT_WEBGPU_ADAPTER=default` it is the machine's own GPU.
 */
export function useAdapter(): void {
  if (!ownGpu() && available) useSoftwareVulkan();
}

/** Returns the environment variables with which a new process finds the adapter that {@link useAdapter} selects. */
export function adapterEnvironment(): Record<string, string> {
  return !ownGpu() && available ? softwareVulkanEnvironment() : {};
}

const ownGpu = () => process.env.ATTNKIT_WEBGPU_ADAPTER === "default";

/**
 * Returns a WebGPU device in Node, on the adapter that {@link useAdapter} selects. The device reports which one it is.
 */
export async function dawnDevice(): Promise<WebgpuDevice> {
  useAdapter();
  const webgpu = await import("webgpu");
  return webgpuDevice({ webgpu, flags: ownGpu() ? [] : QUICKER });
}

/**
 * The software driver unrolls the zeroing of workgroup memory, which takes seconds per kernel. No kernel may rely on
 * zeroed memory.
 */
const QUICKER = ["enable-dawn-features=disable_workgroup_init"];
