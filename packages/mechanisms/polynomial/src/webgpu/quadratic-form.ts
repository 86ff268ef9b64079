import { derivative, horner, type Quadratic, sumGradients } from "@attnkit/wgsl";
import { limitOf, type Polynomial } from "../options.ts";
import { isCheaperByPairs, isLinear, unfit } from "./forms.ts";

/** The quadratic form in tiles: sums weighted by `P(s)`, divided by the root of the keys that a row sees. */
export const quadraticForm = (p: Polynomial): Quadratic => ({
  name: "polynomial tiles",
  weights: {
    ...{ name: "polynomial", kind: "sum", over: p.fixed },
    wgsl: `
  fn score(x: vec4f) -> vec4f { return x; }
  fn weight(x: vec4f) -> vec4f { return ${horner(p.coefficients)}; }
  fn slope(x: vec4f) -> vec4f { return ${horner(derivative(p.coefficients))}; }`,
  },
  gradients: sumGradients,
  limit: (d) => limitOf(p, d),
  scale: (d) => 1 / Math.sqrt(d),
  refuses: (call) =>
    isLinear(p, call) && !isCheaperByPairs(p, call) ? "this call takes the linear form, which has no tiles" : unfit(p),
});
