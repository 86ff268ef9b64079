export { type ChannelScan, channelScan } from "./channel-scan.ts";
export { type Dispatch, dispatch, grid } from "./dispatch.ts";
export { type Fused, fused } from "./fused.ts";
export { type Gpu, gpuOf, output } from "./gpu.ts";
export { acceptable, type KernelSpec, webgpuKernel, withKernels } from "./kernel.ts";
export { type Features, type MatrixState, matrixStateKernel, pairs } from "./scan/index.ts";
