import type { Shape } from "@attnkit/core";
import {
  broadcastShape,
  concatShape,
  dataShape,
  elementCount,
  matmulShape,
  nonNegativeAxis,
  reduceShape,
  reshapeShape,
  sliceShape,
  takeShape,
  transposeShape,
} from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import { broadcast, type Tensor, tensor, view } from "./tensor.ts";
import { walk } from "./walk.ts";

type Floats = Float32ArrayConstructor | Float64ArrayConstructor;

/** The operations of attnkit on arrays of `ndarray`. Slices and transposes are views; sums are accumulated in float64. */
export function operations(dtype: "float32" | "float64"): EagerOps<Tensor> {
  const Floats: Floats = dtype === "float64" ? Float64Array : Float32Array;
  const floats = (shape: Shape): Tensor => tensor(new Floats(elementCount(shape)), shape);
  /** Accumulators, one for each element of `shape`. */
  const sums = (shape: Shape, start: number): Tensor =>
    tensor(new Float64Array(elementCount(shape)).fill(start), shape);
  const lift = (x: Tensor | number): Tensor => (typeof x === "number" ? tensor(Floats.of(x), []) : x);

  /** Writes `x` into `out`, a view of the same shape. */
  const copy = (x: Tensor, out: Tensor): Tensor => {
    walk(x.shape, [out, x], (i, j) => {
      out.data[i] = x.data[j]!;
    });
    return out;
  };
  /** A new array for elements of `xs`: masks that are moved are still a mask, and beside floats they are numbers. */
  const like = (xs: readonly Tensor[], shape: Shape): Tensor =>
    xs.every(({ data }) => data instanceof Uint8Array)
      ? tensor(new Uint8Array(elementCount(shape)), shape)
      : floats(shape);
  const rounded = (x: Tensor): Tensor => copy(x, floats(x.shape));

  const unary = (f: (x: number) => number) => (x: Tensor) => {
    const out = floats(x.shape);
    walk(x.shape, [out, x], (i, j) => {
      out.data[i] = f(x.data[j]!);
    });
    return out;
  };
  const binary =
    (name: string, f: (a: number, b: number) => number) => (left: Tensor | number, right: Tensor | number) => {
      const [x, y] = [lift(left), lift(right)];
      const shape = broadcastShape(name, x.shape, y.shape);
      const out = floats(shape);
      walk(shape, [out, broadcast(x, shape), broadcast(y, shape)], (i, j, k) => {
        out.data[i] = f(x.data[j]!, y.data[k]!);
      });
      return out;
    };
  /** Combines the elements along one axis, from `start` on. */
  const reduction =
    (name: string, start: number, f: (sum: number, x: number) => number) => (x: Tensor, axis: number) => {
      const total = sums(reduceShape(name, x.shape, axis), start);
      walk(x.shape, [broadcast(total, x.shape), x], (i, j) => {
        total.data[i] = f(total.data[i]!, x.data[j]!);
      });
      return rounded(total);
    };
  /** The part of one axis from `start` on, as a view. */
  const from = (x: Tensor, axis: number, start: number, shape: Shape): Tensor =>
    view(x, shape, x.stride, x.offset + start * x.stride[axis]!);

  return {
    dtype,
    shape: (x) => x.shape,
    constant: (data, shape) => tensor(Floats.from(data), dataShape("constant", data.length, shape)),

    reshape: (x, shape) => tensor(copy(x, like([x], x.shape)).data, reshapeShape(x.shape, shape)),
    transpose: (x, perm) => {
      const shape = transposeShape(x.shape, perm);
      return view(
        x,
        shape,
        perm.map((p) => x.stride.at(p)!),
      );
    },
    slice: (x, axis, start, end) =>
      from(x, nonNegativeAxis("slice", x.shape, axis), start, sliceShape(x.shape, axis, start, end)),
    concat: (xs, axis) => {
      const shape = concatShape(
        xs.map((x) => x.shape),
        axis,
      );
      const at = nonNegativeAxis("concat", shape, axis);
      const out = like(xs, shape);
      let start = 0;
      for (const x of xs) {
        copy(x, from(out, at, start, x.shape));
        start += x.shape[at]!;
      }
      return out;
    },
    take: (x, axis, indices) => {
      const out = like([x], takeShape(x.shape, axis, indices));
      const at = nonNegativeAxis("take", x.shape, axis);
      const one = x.shape.with(at, 1);
      for (const [i, index] of indices.entries()) copy(from(x, at, index, one), from(out, at, i, one));
      return out;
    },

    add: binary("add", (a, b) => a + b),
    sub: binary("sub", (a, b) => a - b),
    mul: binary("mul", (a, b) => a * b),
    div: binary("div", (a, b) => a / b),
    maximum: binary("maximum", Math.max),
    minimum: binary("minimum", Math.min),
    where: (mask, left, right) => {
      const [x, y] = [lift(left), lift(right)];
      const shape = broadcastShape("where", mask.shape, x.shape, y.shape);
      const out = floats(shape);
      const all = [out, broadcast(mask, shape), broadcast(x, shape), broadcast(y, shape)];
      walk(shape, all, (i, m, j, k) => {
        out.data[i] = mask.data[m] !== 0 ? x.data[j]! : y.data[k]!;
      });
      return out;
    },

    exp: unary(Math.exp),
    log: unary(Math.log),
    tanh: unary(Math.tanh),

    sum: reduction("sum", 0, (sum, x) => sum + x),
    max: reduction("max", Number.NEGATIVE_INFINITY, Math.max),
    cumsum: (x, axis) => {
      const out = floats(x.shape);
      const total = sums(reduceShape("cumsum", x.shape, axis), 0);
      walk(x.shape, [out, broadcast(total, x.shape), x], (i, j, k) => {
        total.data[j]! += x.data[k]!;
        out.data[i] = total.data[j]!;
      });
      return out;
    },
    matmul: (a, b) => {
      const shape = matmulShape(a.shape, b.shape);
      const [batch, m, n, k] = [shape.slice(0, -2), shape.at(-2)!, shape.at(-1)!, a.shape.at(-1)!];
      // Axes [..., m, k, n]: `a` repeats along n, `b` along m, and the sum along k.
      const along = (x: Tensor, to: Shape): Tensor => broadcast(x, [...batch, ...to]);
      const [left, right, total] = [along(a, [m, k]), along(b, [k, n]), sums(shape, 0)];
      const repeat = (x: Tensor, at: number): Tensor => {
        const axis = batch.length + at;
        return view(x, x.shape.toSpliced(axis, 0, 1), x.stride.toSpliced(axis, 0, 0));
      };
      walk([...batch, m, k, n], [repeat(total, 1), repeat(left, 2), repeat(right, 0)], (i, j, l) => {
        total.data[i]! += a.data[j]! * b.data[l]!;
      });
      return rounded(total);
    },
  };
}
