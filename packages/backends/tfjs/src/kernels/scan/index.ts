export type { Features, MatrixState } from "./form.ts";
export { matrixStateKernel } from "./kernel.ts";
export { pairs } from "./pairs.ts";
