import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { unpacked } from "./unpack.ts";

/** `RTLD_NODELETE` of glibc and musl: a library stays loaded when its handle is closed. Node has no name for it. */
const RTLD_NODELETE = 0x1000;

/**
 * Makes SwiftShader the Vulkan driver of this process. Call it before Dawn requests an adapter. The loader is opened by
 * its path: a search path (`LD_LIBRARY_PATH`) is read only when a process starts, and a loaded library is found by its
 * name.
 */
export function useSoftwareVulkan(): void {
  const loader = join(unpacked(), "libvulkan.so.1");
  Object.assign(process.env, driver());
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    // The loader is not a Node module, and Node reports that after loading it. Any other error is a real failure.
    if (!existsSync(loader) || !/did not self-register/.test(String(error))) throw error;
  }
}

/**
 * Returns the environment variables with which a new process finds SwiftShader as its Vulkan driver. They are read when the
 * process starts.
 */
export function softwareVulkanEnvironment(): Record<string, string> {
  const { LD_LIBRARY_PATH: others } = process.env;
  return { ...driver(), LD_LIBRARY_PATH: others ? `${unpacked()}:${others}` : unpacked() };
}

/** The variables by which Vulkan's loader finds the driver; the second is the newer name of the first. */
function driver(): Record<string, string> {
  const file = join(unpacked(), "vk_swiftshader_icd.json");
  return { VK_ICD_FILENAMES: file, VK_DRIVER_FILES: file };
}
