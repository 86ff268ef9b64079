/** For authors of kernels, and for tensor libraries that host them. */
export { channelScan } from "./channel-scan.ts";
export { channelScanGradients } from "./channel-scan-backward.ts";
export type { ChannelGradient } from "./channel-scan-backward-code.ts";
export type { ChannelScan } from "./channel-scan-code.ts";
export { type Dispatch, dispatch, grid } from "./dispatch.ts";
export { type GpuFacts, gpuFacts } from "./gpu-facts.ts";
export { hasNoState, type KernelGradients } from "./gradients.ts";
export {
  type Binding,
  type Encoding,
  type Growing,
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
export {
  type ChannelForm,
  derivative,
  type Features,
  float32,
  HIGHEST_DEGREE,
  horner,
  type MatrixState,
  type MatrixStateDerivatives,
  type Monomials,
  matrixStateGradients,
  matrixStateKernel,
  monomials,
  type PolynomialDerivatives,
  type PolynomialForm,
  pairs,
  triples,
} from "./scan/index.ts";
export { softmaxGradients, sumGradients, type TileGradients } from "./tiles/backward.ts";
export { type Quadratic, quadraticKernel } from "./tiles/quadratic.ts";
export {
  adapterKey,
  CALL_CLASSES,
  type CallClass,
  classOf,
  type Tiles,
  type TileTable,
  tileFor,
  tileMisfit,
  useTiles,
} from "./tiles/table.ts";
export type { Tile } from "./tiles/tile.ts";
export type { Walk } from "./tiles/walk.ts";
export type { Weights } from "./tiles/weights.ts";
