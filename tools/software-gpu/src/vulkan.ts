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
  const folder = unpacked();
  const loader = join(folder, "libvulkan.so.1");
  process.env.VK_ICD_FILENAMES = join(folder, "vk_swiftshader_icd.json");
  process.env.VK_DRIVER_FILES = process.env.VK_ICD_FILENAMES;
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    // The loader is not a Node module, and Node reports that after loading it. Any other error is a real failure.
    if (!existsSync(loader) || !/did not self-register/.test(String(error))) throw error;
  }
}
