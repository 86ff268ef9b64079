import type { Floats } from "./ndarray.ts";

/** The side of the square of sums that the inner loop keeps in registers. Of 2 to 8, 4 was fastest on V8. */
export const TILE = 4;

/**
 * Writes a 4 x 4 tile: `out[o + i * step + j] = sum over l of left[l, i] * right[l, j]`.
 * Both operands are packed as `[k, 4]` in float64. Their elements lie in the order of use, and V8 sees one array type
 * only.
 */
export function tile(
  out: Floats,
  o: number,
  step: number,
  left: Float64Array,
  right: Float64Array,
  from: number,
  k: number,
): void {
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  for (let l = 0, p = 0, q = from; l < k; l++, p += TILE, q += TILE) {
    const b0 = right[q]!;
    const b1 = right[q + 1]!;
    const b2 = right[q + 2]!;
    const b3 = right[q + 3]!;
    const a0 = left[p]!;
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = left[p + 1]!;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = left[p + 2]!;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = left[p + 3]!;
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
  }
  out[o] = c00;
  out[o + 1] = c01;
  out[o + 2] = c02;
  out[o + 3] = c03;
  out[o + step] = c10;
  out[o + step + 1] = c11;
  out[o + step + 2] = c12;
  out[o + step + 3] = c13;
  out[o + 2 * step] = c20;
  out[o + 2 * step + 1] = c21;
  out[o + 2 * step + 2] = c22;
  out[o + 2 * step + 3] = c23;
  out[o + 3 * step] = c30;
  out[o + 3 * step + 1] = c31;
  out[o + 3 * step + 2] = c32;
  out[o + 3 * step + 3] = c33;
}
