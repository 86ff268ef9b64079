import { elementCount, equalShapes, matmulShape, reduceShape } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { around, empty, expand, float } from "./layout.ts";
import type { Tensor, Tf } from "./tf.ts";
import { largest, onWebgl } from "./webgl.ts";

/** Returns the operations along one axis, and matrix products. */
export function reductions(tf: Tf): Pick<Ops<Tensor>, "sum" | "max" | "cumsum" | "matmul"> {
  const along = (op: string, x: Tensor, axis: number): Tensor => {
    const { outer, n, inner } = around(op, x.shape, axis);
    return tf.reshape(float(tf, x), inner === 1 ? [outer, n] : [outer, n, inner]);
  };
  const reduce =
    (op: "sum" | "max", none: number) =>
    (x: Tensor, axis: number): Tensor => {
      const shape = [...reduceShape(op, x.shape, axis)];
      if (elementCount(shape) === 0) return empty(tf, shape);
      if (x.size === 0) return tf.fill(shape, none, "float32");
      const line = along(op, x, axis);
      return tf.reshape(op === "max" && onWebgl(tf) ? largest(tf, line) : tf[op](line, 1), shape);
    };
  return {
    sum: reduce("sum", 0),
    max: reduce("max", Number.NEGATIVE_INFINITY),
    cumsum(x, axis) {
      reduceShape("cumsum", x.shape, axis);
      return x.size === 0 ? empty(tf, x.shape) : tf.reshape(tf.cumsum(along("cumsum", x, axis), 1), x.shape);
    },
    matmul(a, b) {
      const shape = [...matmulShape(a.shape, b.shape)];
      const [m, k, n] = [a.shape.at(-2) as number, a.shape.at(-1) as number, b.shape.at(-1) as number];
      if (elementCount(shape) === 0 || k === 0) return empty(tf, shape);
      const [x, y] = [float(tf, a), float(tf, b)];
      const batch = shape.slice(0, -2);
      // If the whole batch is multiplied by one matrix, its rows form one tall matrix.
      if (elementCount(b.shape.slice(0, -2)) === 1)
        return tf.reshape(product(tf, tf.reshape(x, [1, -1, k]), tf.reshape(y, [1, k, n])), shape);
      // tfjs pairs batches by their flat index, which is wrong if both operands are broadcast.
      const full = (t: Tensor) =>
        equalShapes(t.shape.slice(0, -2), batch) ? t : expand(tf, t, [...batch, ...t.shape.slice(-2)]);
      return tf.reshape(product(tf, tf.reshape(full(x), [-1, m, k]), tf.reshape(full(y), [-1, k, n])), shape);
    },
  };
}

/**
 * Multiplies `[batch, m, k] x [batch, k, n]`. Where tfjs reads beyond the inner axis, it is padded with zeros to a
 * whole tile.
 */
function product(tf: Tf, rows: Tensor, columns: Tensor): Tensor {
  const [batch, m, k] = rows.shape as [number, number, number];
  if (tf.getBackend() === "wasm" && batch > 1 && m * k * (columns.shape[2] as number) >= ALONE)
    return oneByOne(tf, rows, columns);
  const missing = -k & (tile(tf, batch) - 1);
  if (missing === 0) return tf.matMul(rows, columns);
  const padded = (x: Tensor, inner: 1 | 2) =>
    tf.pad(
      x,
      [0, 1, 2].map((axis): [number, number] => [0, axis === inner ? missing : 0]),
    );
  return tf.matMul(padded(rows, 2), padded(columns, 1));
}

/**
 * From this many multiplications on a matrix of a batch is multiplied alone on WebAssembly. Its slices cost as much as some
 * ten thousand multiplications of tfjs's batched product.
 */
const ALONE = 2 ** 15;

/**
 * Returns the batched product as one product per matrix. On WebAssembly tfjs 4.22 multiplies a batch of one with XNNPACK
 * and any larger batch with a plain loop, which takes 4 to 10 times as long.
 */
function oneByOne(tf: Tf, rows: Tensor, columns: Tensor): Tensor {
  const [batch, m, k] = rows.shape as [number, number, number];
  const n = columns.shape[2] as number;
  // Not `tf.slice`: on WebAssembly it reads all of its input, once for each matrix.
  const [a, b] = [rows.dataSync() as Float32Array, columns.dataSync() as Float32Array];
  const matrix = (data: Float32Array, i: number, height: number, width: number) =>
    tf.tensor3d(data.subarray(i * height * width, (i + 1) * height * width), [1, height, width], "float32");
  return tf.tidy(() => {
    const products = Array.from({ length: batch }, (_, i) =>
      tf.tidy(() => tf.matMul(matrix(a, i, m, k), matrix(b, i, k, n))),
    );
    return tf.concat(products, 0);
  });
}

/**
 * The number of products that tfjs 4.22 makes at a time along the inner axis. On WebGPU it reads the second factor beyond
 * that axis, in the next batch, and multiplies by 0: NaN would pass from one batch to another. On WebGL it multiplies two
 * texels that hold no element wherever the axis is odd. They are 1 each after `exp`, for one.
 */
function tile(tf: Tf, batch: number): number {
  if (onWebgl(tf)) return 2;
  return tf.getBackend() === "webgpu" && batch > 1 ? 32 : 1;
}
