/** For authors of kernels, and for tensor libraries that host them. */
export { channelScan } from "./channel-scan.ts";
export type { ChannelScan } from "./channel-scan-code.ts";
export { type Dispatch, dispatch, grid } from "./dispatch.ts";
export { type GpuFacts, gpuFacts } from "./gpu-facts.ts";
export {
  type Binding,
  type Encoding,
  type Host,
  hostOf,
  type Operation,
  operation,
  type Storage,
  type Stored,
  type Tape,
  type WebgpuBackend,
} from "./host.ts";
export { acceptable, type KernelSpec, WEBGPU, webgpuKernel, withKernels } from "./kernel.ts";
export { type Features, type MatrixState, matrixStateKernel, pairs } from "./scan/index.ts";
export { softmaxGradients, type TileGradients } from "./tiles/backward.ts";
export type { Weights } from "./tiles/forward.ts";
export { type Quadratic, quadraticKernel } from "./tiles/quadratic.ts";
export { type Tile, tileFor } from "./tiles/tile.ts";
