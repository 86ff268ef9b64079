import { matmulShape, type Ops, reduceShape, same, sizeOf } from "@attnkit/core";
import { around, empty, expand, float } from "./layout.ts";
import type { Tensor, Tf } from "./tf.ts";

/** The operations along one axis, and products. */
export function reductions(tf: Tf): Pick<Ops<Tensor>, "sum" | "max" | "cumsum" | "matmul"> {
  const along = (op: string, x: Tensor, axis: number): Tensor => {
    const { outer, n, inner } = around(op, x.shape, axis);
    return tf.reshape(float(tf, x), inner === 1 ? [outer, n] : [outer, n, inner]);
  };
  const reduce =
    (op: "sum" | "max", none: number) =>
    (x: Tensor, axis: number): Tensor => {
      const shape = [...reduceShape(op, x.shape, axis)];
      if (sizeOf(shape) === 0) return empty(tf, shape);
      return x.size === 0 ? tf.fill(shape, none, "float32") : tf.reshape(tf[op](along(op, x, axis), 1), shape);
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
      if (sizeOf(shape) === 0 || k === 0) return empty(tf, shape);
      const [x, y] = [float(tf, a), float(tf, b)];
      const batch = shape.slice(0, -2);
      // One matrix for all of a batch: its rows are those of one tall matrix.
      if (sizeOf(b.shape.slice(0, -2)) === 1)
        return tf.reshape(tf.matMul(tf.reshape(x, [-1, k]) as never, tf.reshape(y, [k, n]) as never), shape);
      // tfjs pairs batches by their number alone, which is wrong where both operands are broadcast.
      const full = (t: Tensor) =>
        same(t.shape.slice(0, -2), batch) ? t : expand(tf, t, [...batch, ...t.shape.slice(-2)]);
      const [rows, columns] = [tf.reshape(full(x), [-1, m, k]), tf.reshape(full(y), [-1, k, n])];
      return tf.reshape(tf.matMul(padded(tf, rows, 2), padded(tf, columns, 1)), shape);
    },
  };
}

/** Of the products that tfjs's WebGPU kernels make at a time along the inner axis. */
const TILE = 32;

/**
 * On WebGPU, tfjs 4.22 reads the second factor beyond its inner axis, in the next batch, and multiplies that by 0: NaN
 * would pass from one batch to another. With zeros up to a whole tile there is nothing beyond.
 */
function padded(tf: Tf, x: Tensor, inner: 1 | 2): Tensor {
  const missing = -(x.shape[inner] as number) & (TILE - 1);
  if (missing === 0 || x.shape[0] === 1 || tf.getBackend() !== "webgpu") return x;
  return tf.pad(
    x,
    [0, 1, 2].map((axis): [number, number] => [0, axis === inner ? missing : 0]),
  );
}
