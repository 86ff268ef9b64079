import { available, useSoftwareVulkan } from "@attnkit/software-gpu";
import { type WebgpuDevice, webgpuDevice } from "@attnkit/tfjs/webgpu";

/**
 * A WebGPU device in Node. By default the software driver that npm brings, where there is one, so that every machine
 * computes the same; with `ATTNKIT_WEBGPU_ADAPTER=default` the machine's own GPU. The device says which of them it is.
 */
export async function dawnDevice(): Promise<WebgpuDevice> {
  const wanted = process.env.ATTNKIT_WEBGPU_ADAPTER ?? "swiftshader";
  if (wanted !== "default" && available) useSoftwareVulkan();
  const webgpu = await import("webgpu");
  return webgpuDevice({ webgpu });
}
