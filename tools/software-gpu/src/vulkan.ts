import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { unpacked } from "./unpack.ts";

/** glibc's and musl's `RTLD_NODELETE`: a library stays loaded when its handle is closed. Node does not name it. */
const RTLD_NODELETE = 0x1000;

/**
 * Makes SwiftShader the Vulkan driver of this process. Call it before Dawn looks for an adapter. The loader is opened
 * here by its path because a search path (`LD_LIBRARY_PATH`) is read when a process starts, and what is loaded already
 * answers to its name.
 */
export function useSoftwareVulkan(): void {
  const folder = unpacked();
  const loader = join(folder, "libvulkan.so.1");
  process.env.VK_ICD_FILENAMES = join(folder, "vk_swiftshader_icd.json");
  process.env.VK_DRIVER_FILES = process.env.VK_ICD_FILENAMES;
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    // It is no Node module and says so, after it was loaded; anything else is a real failure.
    if (!existsSync(loader) || !/did not self-register/.test(String(error))) throw error;
  }
}
