export { available, cacheFolder, unpacked } from "./unpack.ts";
export { softwareVulkanEnvironment, useSoftwareVulkan } from "./vulkan.ts";
