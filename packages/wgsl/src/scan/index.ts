export {
  type ChannelForm,
  type MatrixStateDerivatives,
  matrixStateGradients,
  type PolynomialDerivatives,
  type PolynomialForm,
} from "./backward.ts";
export { pairs, triples } from "./channel-pairs.ts";
export type { Features, MatrixState } from "./form.ts";
export { matrixStateKernel } from "./kernel.ts";
export { derivative, float32, HIGHEST_DEGREE, horner, type Monomials, monomials } from "./monomials.ts";
