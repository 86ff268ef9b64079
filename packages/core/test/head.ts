import { expect } from "vitest";
import type { Head, Matrix } from "../src/program/reference.ts";

/** A head of plain arrays. `see` says which keys a row may attend to; a query's position is its row number. */
export function head(
  q: Matrix,
  k: Matrix,
  v: Matrix,
  see: (i: number, j: number) => boolean = () => true,
  bias: (i: number, j: number) => number = () => 0,
): Head {
  return { q, k, v, visible: see, bias, position: (i) => i };
}

export const causal = (i: number, j: number): boolean => j <= i;

/** Draws `[rows][columns]` of standard normals times `size`, rounded to float32; the same ones for the same seed. */
export function gaussian(seed: number): (rows: number, columns: number, size?: number) => number[][] {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes, "quick and dirty" generator
    return (state + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return (rows, columns, size = 1) =>
    Array.from({ length: rows }, () => Array.from({ length: columns }, () => Math.fround(size * normal())));
}

/** Entry by entry; `tolerance` is absolute, plus relative to the expected entry. */
export function expectClose(got: Matrix, expected: Matrix, tolerance = 1e-12): void {
  const shape = (m: Matrix) => m.map((row) => row.length);
  expect(shape(got)).toEqual(shape(expected));
  expected.forEach((row, i) => {
    row.forEach((x, c) => {
      const y = got[i]![c]!;
      const close = x === y || Math.abs(y - x) <= tolerance * (1 + Math.abs(x));
      expect(close, `[${i}][${c}] is ${y}, expected ${x}`).toBe(true);
    });
  });
}

/** The largest |float32 - exact| / (2^-24 (4 sqrt(n) scale + 4)): how much of the suite's allowance rounding uses. */
export function allowanceUsed(float32: Matrix, exact: Matrix, scale: Matrix, n: number): number {
  const used = exact.flatMap((row, i) =>
    row.map((x, c) => Math.abs(float32[i]![c]! - x) / (2 ** -24 * (4 * Math.sqrt(n) * scale[i]![c]! + 4))),
  );
  return Math.max(...used);
}

/** q, k and v of the worked example (docs/math.md): one head of four tokens. */
export const workedInputs: Readonly<Record<"q" | "k" | "v", Matrix>> = {
  q: [
    [0.5, -1],
    [1, 0.25],
    [-0.75, 0.5],
    [0.3, 1.2],
  ],
  k: [
    [0.25, 0.5],
    [-0.5, 1],
    [1.5, -0.25],
    [-1, -0.4],
  ],
  v: [
    [1, 2],
    [-1, 0.5],
    [0.5, -3],
    [2, 1],
  ],
};
