import type { Shape } from "@attnkit/core";
import { allowance } from "@attnkit/core/conformance";

/** The number of rows of the product that are compared with a float64 product. */
const ROWS = 3;

/**
 * Returns the side n of square matrices whose product takes as many operations, `2 n^3`, as causal attention over
 * `[B, Hq, L, d]`. Its two products take `2 B Hq (d + dv)` per pair of a query and a visible key.
 */
export function sideOf([B, H, L, d]: Shape, dv: number): number {
  const n = Math.cbrt((B! * H! * (d! + dv) * L! * (L! + 1)) / 2);
  return Math.max(16, 4 * Math.round(n / 4)); // a multiple of four, which libraries handle fastest
}

/** Returns two matrices with entries between -1 and 1. */
export function matrices(n: number): { a: Float32Array; b: Float32Array } {
  const values = new Float32Array(n * n + 1);
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0; // linear congruential generator of Numerical Recipes ("quick and dirty")
    values[i] = state / 2 ** 31;
  }
  return { a: values.subarray(0, n * n), b: values.subarray(1) };
}

/** Returns the largest error in sampled rows of `a b`, divided by the error that the conformance suite would allow. */
export function productError(got: Float32Array): number {
  const n = Math.sqrt(got.length);
  if (!Number.isInteger(n)) return Number.POSITIVE_INFINITY;
  const { a, b } = matrices(n);
  let used = 0;
  for (let r = 0; r < ROWS; r++) {
    const row = Math.floor((r * (n - 1)) / (ROWS - 1));
    const [sum, size] = [new Float64Array(n), new Float64Array(n)];
    for (let j = 0; j < n; j++) {
      const x = a[row * n + j]!;
      for (let c = 0; c < n; c++) {
        sum[c]! += x * b[j * n + c]!;
        size[c]! += Math.abs(x * b[j * n + c]!);
      }
    }
    for (let c = 0; c < n; c++) {
      const error = Math.abs(got[row * n + c]! - sum[c]!) / allowance("float32", n, size[c]!);
      used = Math.max(used, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    }
  }
  return used;
}
