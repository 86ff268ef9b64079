import type { Call } from "@attnkit/core/program";
import { foldsKeys, type Polynomial } from "../options.ts";

/** Returns whether a call takes the linear form. */
export function isLinear(p: Polynomial, { shapes, dims }: Call): boolean {
  const pairs = shapes.mask !== undefined || shapes.bias !== undefined;
  return shapes["state.a"] !== undefined || (!shapes["state.k"] && !pairs && foldsKeys(p, dims.d));
}

/** Why WGSL cannot hold the numbers of a polynomial, if so. */
export function unfit(p: Polynomial): string | undefined {
  const numbers = [...p.coefficients, p.fixed ?? 1].map(Math.fround);
  return numbers.every(Number.isFinite) ? undefined : "a coefficient, or n, is beyond float32";
}

/** A float32 in WGSL. */
export const number = (c: number): string => `f32(${Math.fround(c)})`;

/** WGSL of `sum_m c_m x^m` for a `vec4f` x, the highest power innermost. */
export function horner(coefficients: readonly number[]): string {
  const vector = (c: number) => `vec4f(${number(c)})`;
  const [top, ...lower] = coefficients.toReversed();
  return lower.reduce((inner, c) => `fma(${inner}, x, ${vector(c)})`, vector(top as number));
}
