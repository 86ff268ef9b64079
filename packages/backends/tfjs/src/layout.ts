import type { Shape } from "@attnkit/core";
import { elementCount, equalShapes, nonNegativeAxis } from "@attnkit/core/backend";
import type { Operand, Tensor, Tf } from "./tf.ts";

/** Makes a tensor without elements. Many tfjs operations fail on such tensors, so callers use this instead. */
export const empty = (tf: Tf, shape: Shape, dtype: "float32" | "bool" = "float32"): Tensor =>
  tf.zeros([...shape], dtype);

/** Converts booleans and integers to float32. */
export const float = (tf: Tf, x: Tensor): Tensor => (x.dtype === "float32" ? x : tf.cast(x, "float32"));

export const shapeOf = (x: Operand): Shape => (typeof x === "number" ? [] : x.shape);

export interface Around {
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
}

/**
 * Returns the sizes before, on and after one axis. Seen as `[outer, n, inner]`, a tensor never exceeds tfjs's rank
 * limits.
 */
export function around(op: string, shape: Shape, axis: number): Around {
  const at = nonNegativeAxis(op, shape, axis);
  return { outer: elementCount(shape.slice(0, at)), n: shape[at] as number, inner: elementCount(shape.slice(at + 1)) };
}

/**
 * Broadcasts `x` to `shape`. tfjs's own `broadcastTo`, which `where` and `matMul` use, has no WebGPU kernel above rank
 * 4.
 */
export function expand(tf: Tf, x: Operand, shape: Shape): Tensor {
  if (typeof x === "number") return tf.fill([...shape], x, "float32");
  if (equalShapes(x.shape, shape)) return x;
  // On WebAssembly a `tile` takes some hundred times as long as a product.
  if (tf.getBackend() === "wasm" && shape.length <= 6) {
    const repeated = tf.mul(float(tf, x), tf.ones([...shape]));
    return x.dtype === "bool" ? tf.cast(repeated, "bool") : repeated;
  }
  const from = [...Array<number>(shape.length - x.rank).fill(1), ...x.shape];
  const runs = alike(from, shape);
  if (runs.length > 4) {
    // The trailing axes first: they form one run afterwards. Up to rank 6, each step then has at most four runs.
    const half = Math.floor(shape.length / 2);
    const trailing = shape.map((n, i) => (i < half ? (from[i] as number) : n));
    return expand(tf, expand(tf, x, trailing), shape);
  }
  const before = tf.reshape(
    x,
    runs.map(({ repeat, size }) => (repeat ? 1 : size)),
  );
  const tiled = tf.tile(
    before,
    runs.map(({ repeat, size }) => (repeat ? size : 1)),
  );
  return tf.reshape(tiled, [...shape]);
}

/** Merges neighbouring axes that are all repeated or all kept. Axes of size 1 are dropped. */
function alike(from: Shape, to: Shape): { repeat: boolean; size: number }[] {
  const runs: { repeat: boolean; size: number }[] = [];
  to.forEach((size, i) => {
    if (size === 1) return;
    const repeat = from[i] === 1;
    const last = runs.at(-1);
    if (last?.repeat === repeat) last.size *= size;
    else runs.push({ repeat, size });
  });
  return runs;
}
