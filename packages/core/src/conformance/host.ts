import type { Data, DType, Shape } from "../program/ops.ts";

/** A row-major array on the host: floats as float64, masks as bytes. What the suite computes with, and never a backend's. */
export interface Host {
  readonly shape: Shape;
  readonly data: Float64Array | Uint8Array;
}

export const size = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

/** An array whose entry at flat position `i` and multi-index `at` is `fill(i, at)`. `at` is reused: do not keep it. */
export function host(shape: Shape, fill: (i: number, at: readonly number[]) => number = () => 0): Host {
  const data = new Float64Array(size(shape));
  walk(shape, (i, at) => {
    data[i] = fill(i, at);
  });
  return { shape, data };
}

/** The same for a boolean array. */
export function bools(shape: Shape, fill: (i: number, at: readonly number[]) => boolean): Host {
  return { shape, data: Uint8Array.from(host(shape, (i, at) => +fill(i, at)).data) };
}

/** Visit every multi-index of `shape` in row-major order. */
export function walk(shape: Shape, visit: (i: number, at: readonly number[]) => void): void {
  const n = size(shape);
  const at = shape.map(() => 0);
  for (let i = 0; i < n; i++) {
    visit(i, at);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]!++;
      if (at[axis]! < shape[axis]!) break;
      at[axis] = 0;
    }
  }
}

/** The entry at a multi-index of equal or greater rank, broadcasting as NumPy does. */
export function get(x: Host, at: readonly number[]): number {
  const skip = at.length - x.shape.length;
  let i = 0;
  for (let axis = 0; axis < x.shape.length; axis++) {
    const n = x.shape[axis]!;
    i = i * n + (n === 1 ? 0 : at[axis + skip]!);
  }
  return x.data[i]!;
}

/** Entries `indices` of one axis (negative axes count from the end). */
export function take(x: Host, axis: number, indices: readonly number[]): Host {
  const a = axis < 0 ? axis + x.shape.length : axis;
  const shape = x.shape.with(a, indices.length);
  const out = host(shape, (_, at) => get(x, at.with(a, indices[at[a]!]!)));
  return x.data instanceof Uint8Array ? { shape, data: Uint8Array.from(out.data) } : out;
}

export const slice = (x: Host, axis: number, start: number, end: number): Host =>
  take(
    x,
    axis,
    Array.from({ length: end - start }, (_, i) => start + i),
  );

export function concat(xs: readonly Host[], axis: number): Host {
  const first = xs[0]!;
  const a = axis < 0 ? axis + first.shape.length : axis;
  const owner = xs.flatMap((x) => Array.from({ length: x.shape[a]! }, (_, i) => [x, i] as const));
  const shape = first.shape.with(a, owner.length);
  const out = host(shape, (_, at) => {
    const [x, i] = owner[at[a]!]!;
    return get(x, at.with(a, i));
  });
  return xs.every((x) => x.data instanceof Uint8Array) ? { shape, data: Uint8Array.from(out.data) } : out;
}

/** The same values without the leading axes that `rank` does not have; those must be 1. */
export const ofRank = (x: Host, rank: number): Host => ({
  shape: x.shape.slice(Math.max(0, x.shape.length - rank)),
  data: x.data,
});

/** A changed copy: `change(value, at)` for every entry. */
export const map = (x: Host, change: (value: number, at: readonly number[]) => number): Host =>
  host(x.shape, (i, at) => change(x.data[i]!, at));

/** A float64 whose last bit is 2^-24, the smallest half: adding it rounds to multiples of it. */
const SUBNORMAL = 1.5 * 2 ** 28;

/** The nearest number that `dtype` has, so that the oracle and the backend start from the same inputs. */
export function round(dtype: DType, value: number): number {
  if (dtype === "float64" || !Number.isFinite(value)) return value;
  if (dtype === "float32") return Math.fround(value);
  if (Math.abs(value) < 2 ** -14) return value + SUBNORMAL - SUBNORMAL;
  const shift = (2 ** 42 + 1) * value; // Dekker 1971, split after 11 significant bits
  return Math.max(-65504, Math.min(65504, shift - (shift - value)));
}

/** As `Backend.upload` wants it. */
export const toData = (x: Host, dtype: DType): Data =>
  x.data instanceof Uint8Array || dtype === "float64" ? x.data.slice() : Float32Array.from(x.data);

export const fromData = (data: Data, shape: Shape): Host => ({
  shape: [...shape],
  data: data instanceof Uint8Array ? data.slice() : Float64Array.from(data),
});
