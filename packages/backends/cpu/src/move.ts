import type { Data, Shape } from "@attnkit/core";
import {
  collapse,
  concatShape,
  elementCount,
  nonNegativeAxis,
  reshapeShape,
  sliceShape,
  strides,
  takeShape,
  transposeShape,
} from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import { forEachPlane } from "./loops.ts";
import { type FloatType, floatsOf, type NdArray } from "./ndarray.ts";

/** The operations that only move elements; floats stay floats and booleans stay booleans. */
export function moves(
  Float: FloatType,
): Pick<EagerOps<NdArray>, "reshape" | "transpose" | "slice" | "concat" | "take"> {
  return {
    reshape: (x, shape) => ({ shape: reshapeShape(x.shape, shape), data: x.data }),

    transpose(x, perm) {
      const shape = transposeShape(x.shape, perm);
      const steps = strides(x.shape);
      return {
        shape,
        data: permuted(
          x.data,
          shape,
          perm.map((p) => steps.at(p)!),
        ),
      };
    },

    slice(x, axis, start, end) {
      const shape = sliceShape(x.shape, axis, start, end);
      const { outer, n, inner } = around("slice", x, axis);
      const data = empty(x.data, elementCount(shape));
      const run = (end - start) * inner;
      for (let i = 0; i < outer; i++) copy(data, i * run, x.data, (i * n + start) * inner, run);
      return { shape, data };
    },

    concat(xs, axis) {
      const shape = concatShape(
        xs.map((x) => x.shape),
        axis,
      );
      const boolean = xs.every((x) => x.data instanceof Uint8Array);
      const data = boolean ? new Uint8Array(elementCount(shape)) : new Float(elementCount(shape));
      const whole = around("concat", { shape }, axis);
      const total = whole.n * whole.inner;
      let offset = 0;
      for (const x of xs) {
        const { outer, n, inner } = around("concat", x, axis);
        const from = boolean ? x.data : floatsOf(Float, x);
        for (let i = 0; i < outer; i++) copy(data, i * total + offset, from, i * n * inner, n * inner);
        offset += n * inner;
      }
      return { shape, data };
    },

    take(x, axis, indices) {
      const shape = takeShape(x.shape, axis, indices);
      const { outer, n, inner } = around("take", x, axis);
      const data = empty(x.data, elementCount(shape));
      for (let i = 0, o = 0; i < outer; i++)
        for (const j of indices) {
          copy(data, o, x.data, (i * n + j) * inner, inner);
          o += inner;
        }
      return { shape, data };
    },
  };
}

/**
 * Splits an array at `axis` into `outer` blocks of `n` entries. Each entry is `inner` contiguous elements. Throws
 * `ATTN_SHAPE` if there is no such axis.
 */
export function around(
  op: string,
  { shape }: Pick<NdArray, "shape">,
  axis: number,
): { outer: number; n: number; inner: number } {
  const at = nonNegativeAxis(op, shape, axis);
  return { outer: elementCount(shape.slice(0, at)), n: shape[at]!, inner: elementCount(shape.slice(at + 1)) };
}

const empty = (like: Data, size: number): Data =>
  like instanceof Uint8Array
    ? new Uint8Array(size)
    : like instanceof Float32Array
      ? new Float32Array(size)
      : new Float64Array(size);

/** The run length from which `set` is faster than a loop: `set` first makes a view. Measured on V8. */
const LONG = 64;

function copy(out: Data, o: number, x: Data, i: number, n: number): void {
  if (n >= LONG) out.set(x.subarray(i, i + n), o);
  else for (let j = 0; j < n; j++) out[o + j] = x[i + j]!;
}

/** Returns the elements of `x` that `step` visits, one step per axis of `shape`. */
function permuted(x: Data, shape: Shape, step: readonly number[]): Data {
  const data = empty(x, elementCount(shape));
  const loops = collapse(shape, [step]);
  const from = loops.steps[0]!;
  const to = strides(loops.sizes);
  const last = from.length - 1;
  // If rows are contiguous in source and result, they are copied. Otherwise the two contiguous axes are swapped.
  const near = from[last] === 1 ? last - 1 : Math.max(0, from.indexOf(1));
  const order = [...from.keys()].filter((a) => a !== near && a !== last).concat(near, last);
  const by = (list: readonly number[]) => order.map((a) => list[a]!);
  const swap = { sizes: by(loops.sizes), steps: [by(from), by(to)] };
  forEachPlane(swap, (_, m, n, [xi, oi], [xr, or], [xj]) => {
    if (xj === 1) for (let r = 0; r < m; r++) copy(data, oi! + r * or!, x, xi! + r * xr!, n);
    else transposePlane(data, oi!, or!, x, xi!, xr!, xj!, m, n);
  });
  return data;
}

/** The side of the square tiles in which two axes are swapped. The cache lines of both fit the first-level cache. */
const TILE = 16;

function transposePlane(
  out: Data,
  o: number,
  or: number,
  x: Data,
  xi: number,
  xr: number,
  xj: number,
  m: number,
  n: number,
): void {
  for (let r0 = 0; r0 < m; r0 += TILE)
    for (let j0 = 0; j0 < n; j0 += TILE) {
      const [r1, j1] = [Math.min(m, r0 + TILE), Math.min(n, j0 + TILE)];
      for (let r = r0; r < r1; r++) for (let j = j0; j < j1; j++) out[o + r * or + j] = x[xi + r * xr + j * xj]!;
    }
}
