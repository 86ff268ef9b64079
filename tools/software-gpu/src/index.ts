export { available, cacheFolder, unpacked } from "./unpack.ts";
export { useSoftwareVulkan } from "./vulkan.ts";
