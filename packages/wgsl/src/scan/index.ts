export { type ChannelForm, type MatrixStateDerivatives, matrixStateGradients } from "./backward.ts";
export { pairs } from "./channel-pairs.ts";
export type { Features, MatrixState } from "./form.ts";
export { matrixStateKernel } from "./kernel.ts";
