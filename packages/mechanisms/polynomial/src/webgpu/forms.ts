import type { Call } from "@attnkit/core/program";
import { derivative } from "@attnkit/wgsl";
import type { Polynomial } from "../options.ts";
import { chunkOf, folds } from "../plan.ts";

/** Returns whether a call takes the linear form. */
export function isLinear(p: Polynomial, { shapes, dims }: Call): boolean {
  const past = shapes.state?.a ? "folded" : shapes.state?.k ? "cache" : undefined;
  return folds(p, { d: dims.d, pairs: shapes.mask !== undefined || shapes.bias !== undefined, past });
}

/** Returns whether a call needs no folded sum, because all pairs of its block at once cost less and no state is wanted. */
export const isCheaperByPairs = (p: Polynomial, { dims, causal, state, shapes }: Call): boolean =>
  state === false &&
  shapes.state === undefined &&
  chunkOf(p, { ...dims, causal: causal !== false, past: false, state }) === Number.POSITIVE_INFINITY;

/** Why WGSL cannot hold the numbers of a polynomial, if so. */
export function unfit(p: Polynomial): string | undefined {
  const numbers = [...p.coefficients, ...derivative(p.coefficients), p.fixed ?? 1].map(Math.fround);
  return numbers.every(Number.isFinite) ? undefined : "a coefficient, or the normalizer, is beyond float32";
}
