import type { DType, Shape } from "@attnkit/core";
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

/** Returns two matrices with entries between -1 and 1, multiples of 1/1024, which every float type holds exactly. */
export function matrices(n: number): { a: Float32Array; b: Float32Array } {
  const values = new Float32Array(n * n + 1);
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0; // linear congruential generator of Numerical Recipes ("quick and dirty")
    values[i] = Math.round(state / 2 ** 21) / 2 ** 10;
  }
  return { a: values.subarray(0, n * n), b: values.subarray(1) };
}

/**
 * Returns the largest error in sampled rows of `a b`, divided by the error that the conformance suite would allow. With
 * `repeats`, the product is `a b b ...` with that many factors b, and each product is allowed its own error.
 */
export function productError(got: ArrayLike<number>, dtype: DType = "float32", repeats = 1): number {
  const n = Math.sqrt(got.length);
  if (!Number.isInteger(n)) return Number.POSITIVE_INFINITY;
  const { a, b } = matrices(n);
  let used = 0;
  for (let r = 0; r < ROWS; r++) {
    const row = Math.floor((r * (n - 1)) / (ROWS - 1));
    let [sum, size]: [Float64Array, Float64Array] = [
      Float64Array.from(a.subarray(row * n, (row + 1) * n)),
      new Float64Array(n),
    ];
    for (let k = 0; k < repeats; k++) [sum, size] = timesB(sum, b);
    for (let c = 0; c < n; c++) {
      const error = Math.abs(got[row * n + c]! - sum[c]!) / (repeats * allowance(dtype, n, size[c]!));
      used = Math.max(used, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    }
  }
  return used;
}

/** Returns the row x times the square matrix b, and the same with absolute values. */
function timesB(x: Float64Array, b: Float32Array): [Float64Array, Float64Array] {
  const n = x.length;
  const [sum, size] = [new Float64Array(n), new Float64Array(n)];
  for (let j = 0; j < n; j++) {
    for (let c = 0; c < n; c++) {
      const term = x[j]! * b[j * n + c]!;
      sum[c]! += term;
      size[c]! += Math.abs(term);
    }
  }
  return [sum, size];
}
