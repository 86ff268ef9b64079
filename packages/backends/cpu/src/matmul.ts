import { broadcastLoops, elementCount, matmulShape } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { forEachPlane } from "./loops.ts";
import { type Floats, type FloatType, floatsOf, type NdArray } from "./ndarray.ts";
import { TILE, tile } from "./tile.ts";

/** Returns the matrix product. Sums are accumulated in float64 for both dtypes. */
export function products(Float: FloatType): Pick<Ops<NdArray>, "matmul"> {
  const room: Room = { left: new Float64Array(0), right: new Float64Array(0) };
  return {
    matmul(a, b) {
      const shape = matmulShape(a.shape, b.shape);
      const out = new Float(elementCount(shape));
      const [p, q] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
      // If the whole batch is multiplied by one matrix, its rows form one tall matrix.
      const one = elementCount(q) === 1;
      const m = one ? elementCount(a.shape.slice(0, -1)) : a.shape.at(-2)!;
      const [k, n] = b.shape.slice(-2) as [number, number];
      const multiply = multiplier(out, floatsOf(Float, a), floatsOf(Float, b), m, k, n, room);
      if (one) multiply(0, 0, 0);
      else
        forEachPlane(broadcastLoops(shape.slice(0, -2), [p, q]), (at, rows, columns, [ai, bi], [ar, br], [ac, bc]) => {
          for (let r = 0; r < rows; r++)
            for (let c = 0; c < columns; c++)
              multiply(at + r * columns + c, ai! + r * ar! + c * ac!, bi! + r * br! + c * bc!);
        });
      return { shape, data: out };
    },
  };
}

/**
 * Returns `multiply(i, j, l)`, which writes matrix i of the result: matrix j of `x`, `[m, k]`, times matrix l of `y`,
 * `[k, n]`.
 */
function multiplier(out: Floats, x: Floats, y: Floats, m: number, k: number, n: number, room: Room) {
  if (m < TILE) {
    const sums = new Float64Array(n);
    return (i: number, j: number, l: number): void => {
      for (let r = 0; r < m; r++) vectorMatrix(out, (i * m + r) * n, x, (j * m + r) * k, y, l * k * n, k, n, sums);
    };
  }
  const left = atLeast(room, "left", k * TILE);
  const right = atLeast(room, "right", k * Math.ceil(n / TILE) * TILE);
  let packed = -1;
  return (i: number, j: number, l: number): void => {
    if (packed !== l) packColumns(right, y, l * k * n, k, n);
    packed = l;
    for (let r = 0; r < m; r += TILE) {
      const rows = Math.min(TILE, m - r);
      packRows(left, x, (j * m + r) * k, rows, k);
      tileRow(out, (i * m + r) * n, rows, left, right, k, n);
    }
  };
}

/** Buffers for packed operands, reused between calls: allocating them anew costs more than filling them. */
interface Room {
  left: Float64Array;
  right: Float64Array;
}

/** The largest number of elements of a buffer that is reused: 2 MB of float64. */
const KEPT = 2 ** 18;

function atLeast(room: Room, side: keyof Room, size: number): Float64Array {
  if (size <= room[side].length) return room[side];
  const made = new Float64Array(size);
  if (size <= KEPT) room[side] = made;
  return made;
}

/** Writes up to four rows of the result, from `o` on: packed rows `left` times all packed columns `right`. */
function tileRow(
  out: Floats,
  o: number,
  rows: number,
  left: Float64Array,
  right: Float64Array,
  k: number,
  n: number,
): void {
  const whole = rows === TILE ? n - (n % TILE) : 0;
  for (let j = 0; j < whole; j += TILE) tile(out, o + j, n, left, right, j * k, k);
  for (let j = whole; j < n; j += TILE) {
    tile(edge, 0, TILE, left, right, j * k, k);
    const columns = Math.min(TILE, n - j);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[o + r * n + j + c] = edge[r * TILE + c]!;
  }
}

/** Receives a tile that lies only partly inside the result. */
const edge: Float64Array = /* @__PURE__ */ new Float64Array(TILE * TILE);

/**
 * Packs `[rows, k] -> [k, 4]`. Columns of `left` beyond `rows` keep old values, which are never copied to the result.
 */
function packRows(left: Float64Array, x: Floats, xi: number, rows: number, k: number): void {
  for (let r = 0; r < rows; r++) for (let l = 0, at = r, i = xi + r * k; l < k; l++, at += TILE) left[at] = x[i + l]!;
}

/** Packs `[k, n] -> [n / 4, k, 4]`. Columns beyond `n` keep old values, which are never copied to the result. */
function packColumns(right: Float64Array, y: Floats, yi: number, k: number, n: number): void {
  for (let j = 0, at = 0; j < n; j += TILE) {
    const columns = Math.min(TILE, n - j);
    for (let l = 0, i = yi + j; l < k; l++, i += n, at += TILE)
      for (let c = 0; c < columns; c++) right[at + c] = y[i + c]!;
  }
}

/** Writes one row times a matrix, as in decoding. It reads `y` once and in order. */
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
