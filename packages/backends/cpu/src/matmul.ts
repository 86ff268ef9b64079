import { matmulShape, type Ops, sizeOf } from "@attnkit/core";
import { broadcastLoops, forEachPlane } from "./loops.ts";
import { type Floats, type FloatType, floatsOf, type NdArray } from "./ndarray.ts";
import { TILE, tile } from "./tile.ts";

/** Matrix products. They add up in float64, whatever the type that is stored. */
export function products(Float: FloatType): Pick<Ops<NdArray>, "matmul"> {
  return {
    matmul(a, b) {
      const shape = matmulShape(a.shape, b.shape);
      const data = new Float(sizeOf(shape));
      const k = a.shape.at(-1)!;
      const n = b.shape.at(-1)!;
      const left = a.shape.slice(0, -2);
      const right = b.shape.slice(0, -2);
      // Where all of a batch is multiplied by one matrix, its rows are those of one tall matrix.
      const tall = sizeOf(right) === 1;
      const m = tall ? sizeOf(a.shape.slice(0, -1)) : a.shape.at(-2)!;
      const multiply = multiplier(data, floatsOf(Float, a), floatsOf(Float, b), m, k, n);
      if (data.length === 0) return { shape, data };
      if (tall) {
        multiply(0, 0, 0);
        return { shape, data };
      }
      forEachPlane(
        broadcastLoops(shape.slice(0, -2), [left, right]),
        (at, rows, columns, [ai, bi], [ar, br], [aj, bj]) => {
          for (let r = 0; r < rows; r++)
            for (let j = 0; j < columns; j++)
              multiply(
                (at + r * columns + j) * m * n,
                (ai! + r * ar! + j * aj!) * m * k,
                (bi! + r * br! + j * bj!) * k * n,
              );
        },
      );
      return { shape, data };
    },
  };
}

/** `multiply(o, xi, yi)` writes the product of the matrices that begin at `x[xi]`, `[m, k]`, and `y[yi]`, `[k, n]`. */
function multiplier(out: Floats, x: Floats, y: Floats, m: number, k: number, n: number) {
  if (m < TILE) {
    const sums = new Float64Array(n);
    return (o: number, xi: number, yi: number): void => {
      for (let i = 0; i < m; i++) vectorMatrix(out, o + i * n, x, xi + i * k, y, yi, k, n, sums);
    };
  }
  const left = new Float64Array(k * TILE);
  const right = new Float64Array(k * Math.ceil(n / TILE) * TILE);
  const edge = new Float64Array(TILE * TILE);
  let packed = -1;
  return (o: number, xi: number, yi: number): void => {
    if (packed !== yi) packColumns(right, y, yi, k, n);
    packed = yi;
    for (let i = 0; i < m; i += TILE) {
      const rows = Math.min(TILE, m - i);
      packRows(left, x, xi + i * k, rows, k);
      for (let j = 0; j < n; j += TILE) {
        const columns = Math.min(TILE, n - j);
        const at = o + i * n + j;
        if (rows === TILE && columns === TILE) tile(out, at, n, left, right, j * k, k);
        else {
          tile(edge, 0, TILE, left, right, j * k, k);
          for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[at + r * n + c] = edge[r * TILE + c]!;
        }
      }
    }
  };
}

/** `[rows, k] -> [k, 4]`; what is packed for rows that are not there is never read out again. */
function packRows(left: Float64Array, x: Floats, xi: number, rows: number, k: number): void {
  for (let r = 0; r < rows; r++) for (let l = 0, at = r, i = xi + r * k; l < k; l++, at += TILE) left[at] = x[i + l]!;
}

/** `[k, n] -> [n / 4, k, 4]`, zeros where there is no column. */
function packColumns(right: Float64Array, y: Floats, yi: number, k: number, n: number): void {
  for (let j = 0, at = 0; j < n; j += TILE) {
    const columns = Math.min(TILE, n - j);
    for (let l = 0, i = yi + j; l < k; l++, i += n, at += TILE)
      for (let c = 0; c < columns; c++) right[at + c] = y[i + c]!;
  }
}

/** One row times a matrix, as in decoding: `y` is read once and in order. */
function vectorMatrix(
  out: Floats,
  o: number,
  x: Floats,
  xi: number,
  y: Floats,
  yi: number,
  k: number,
  n: number,
  sums: Float64Array,
): void {
  sums.fill(0);
  let l = 0;
  let i = yi;
  for (; l + 3 < k; l += 4, i += 4 * n) {
    const x0 = x[xi + l]!;
    const x1 = x[xi + l + 1]!;
    const x2 = x[xi + l + 2]!;
    const x3 = x[xi + l + 3]!;
    for (let j = 0, p = i; j < n; j++, p++)
      sums[j]! += x0 * y[p]! + x1 * y[p + n]! + (x2 * y[p + 2 * n]! + x3 * y[p + 3 * n]!);
  }
  for (; l < k; l++, i += n) for (let j = 0; j < n; j++) sums[j]! += x[xi + l]! * y[i + j]!;
  out.set(sums, o);
}
