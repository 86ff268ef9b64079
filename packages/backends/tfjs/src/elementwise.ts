import { broadcastShape, elementCount } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { empty, expand, float, shapeOf } from "./layout.ts";
import type { Operand, Tensor, Tf } from "./tf.ts";
import { onWebgl, quotient } from "./webgl.ts";

type Elementwise = "add" | "sub" | "mul" | "div" | "maximum" | "minimum" | "where" | "exp" | "log" | "tanh";

/** Returns the element-wise operations. Booleans count as 0 and 1. */
export function elementwise(tf: Tf): Pick<Ops<Tensor>, Elementwise> {
  const operand = (x: Operand): Tensor => (typeof x === "number" ? tf.scalar(x, "float32") : float(tf, x));

  const binary =
    (op: "add" | "sub" | "mul" | "div" | "maximum" | "minimum") =>
    (a: Operand, b: Operand): Tensor => {
      const shape = broadcastShape(op, shapeOf(a), shapeOf(b));
      if (elementCount(shape) === 0) return empty(tf, shape);
      const limited = limitedByNumber(tf, op, a, b);
      if (limited !== undefined) return limited;
      const [x, y] = [operand(a), operand(b)];
      return op === "div" && onWebgl(tf) ? quotient(tf, x, y, shape) : tf[op](x, y);
    };

  const unary =
    (op: "exp" | "log" | "tanh") =>
    (x: Tensor): Tensor =>
      x.size === 0 ? empty(tf, x.shape) : tf[op](float(tf, x));

  return {
    add: binary("add"),
    sub: binary("sub"),
    mul: binary("mul"),
    div: binary("div"),
    maximum: binary("maximum"),
    minimum: binary("minimum"),
    where(mask, a, b) {
      const shape = broadcastShape("where", mask.shape, shapeOf(a), shapeOf(b));
      const size = elementCount(shape);
      if (size === 0) return empty(tf, shape);
      // Not a cast: on the wasm backend, a cast to bool makes 0.5 false.
      const condition = mask.dtype === "bool" ? mask : tf.notEqual(mask, tf.scalar(0, mask.dtype));
      // One axis: the WebGPU kernel of `where` supports at most rank 4.
      const flat = (x: Operand) => tf.reshape(expand(tf, x, shape), [size]);
      const choice = (x: Operand) => flat(typeof x === "number" ? x : float(tf, x));
      return tf.reshape(tf.where(flat(condition), choice(a), choice(b)), [...shape]);
    },
    exp: unary("exp"),
    log(x) {
      const y = unary("log")(x);
      // WGSL and GLSL may assume that there are no infinities. log(0) is then -88 on some drivers.
      if (!["webgpu", "webgl"].includes(tf.getBackend()) || x.size === 0) return y;
      const flat = (t: Tensor) => tf.reshape(t, [-1]);
      const lowest = tf.fill([x.size], Number.NEGATIVE_INFINITY);
      const known = tf.reshape(tf.where(flat(tf.notEqual(x, tf.scalar(0))), flat(y), lowest), x.shape);
      // WGSL may return a number for log(NaN). tfjs's `minimum` keeps NaN, and log(x) < x for every number.
      return tf.minimum(known, float(tf, x));
    },
    tanh: unary("tanh"),
  };
}

/**
 * Returns `maximum` or `minimum` of a tensor and a number on WebAssembly, otherwise undefined. tfjs's kernels of both take a
 * hundred times as long there as its `clipByValue`.
 */
function limitedByNumber(tf: Tf, op: string, a: Operand, b: Operand): Tensor | undefined {
  if ((op !== "maximum" && op !== "minimum") || tf.getBackend() !== "wasm") return undefined;
  const [x, limit] = typeof a === "number" ? [b, a] : [a, b];
  if (typeof x === "number" || typeof limit !== "number" || Number.isNaN(limit)) return undefined;
  const [least, most] = op === "maximum" ? [limit, Number.POSITIVE_INFINITY] : [Number.NEGATIVE_INFINITY, limit];
  // `clipByValue` makes a number of NaN. A sigmoid is NaN where x is, and otherwise finite.
  const nan = tf.mul(tf.sigmoid(float(tf, x)), 0);
  return tf.add(tf.clipByValue(float(tf, x), least, most), nan);
}
