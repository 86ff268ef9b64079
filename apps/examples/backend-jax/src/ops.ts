import type { Shape } from "@attnkit/core";
import {
  broadcastShape,
  concatShape,
  dataShape,
  matmulShape,
  nonNegativeAxis,
  reduceShape,
  reshapeShape,
  sliceShape,
  takeShape,
  transposeShape,
} from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import { type Array as JaxArray, numpy as np } from "@jax-js/jax";
import type { Scope } from "./scope.ts";

type Operand = JaxArray | number;

/** An array of floats on the default device. `np.array` cannot make one without elements. */
export function floats(data: Float32Array, shape: Shape): JaxArray {
  if (data.length === 0) return np.zeros([...shape]);
  return np.array(data as Float32Array<ArrayBuffer>, { shape: [...shape] });
}

/**
 * The operations of attnkit in jax-js. An operation of jax-js takes a reference of each argument, and these must not:
 * every argument is handed over as `x.ref`. Core's shape rules run first, so that errors are those of attnkit.
 */
export function operations(scope: Scope): EagerOps<JaxArray> {
  const keep = (x: JaxArray): JaxArray => scope.keep(x);
  const shapeOf = (x: Operand): Shape => (typeof x === "number" ? [] : x.shape);
  /** The operand as floats: jax-js would add two masks as booleans. */
  function float(x: JaxArray): JaxArray;
  function float(x: Operand): Operand;
  function float(x: Operand): Operand {
    if (typeof x === "number") return x;
    return x.dtype === np.float32 ? x.ref : x.ref.astype(np.float32);
  }
  const unary = (f: (x: JaxArray) => JaxArray) => (x: JaxArray) => keep(f(float(x)));
  const binary = (name: string, f: (a: Operand, b: Operand) => JaxArray) => (a: Operand, b: Operand) => {
    broadcastShape(name, shapeOf(a), shapeOf(b));
    return keep(f(float(a), float(b)));
  };
  /** jax-js 0.1.25 does not reliably write its result where an axis of size 0 is reduced: memory that was freed shows. */
  const reduction = (name: string, ofNone: number, f: typeof np.sum) => (x: JaxArray, axis: number) => {
    const shape = reduceShape(name, x.shape, axis);
    if (x.shape[at(x, axis)] === 0) return keep(np.full([...shape], ofNone));
    return keep(f(float(x), at(x, axis), { keepdims: true }));
  };

  return {
    dtype: "float32",
    shape: (x) => x.shape,
    constant: (data, shape) => keep(floats(Float32Array.from(data), dataShape("constant", data.length, shape))),

    reshape: (x, shape) => keep(x.ref.reshape([...reshapeShape(x.shape, shape)])),
    transpose: (x, perm) => {
      transposeShape(x.shape, perm);
      return keep(x.ref.transpose(perm.map((axis) => nonNegativeAxis("transpose", x.shape, axis))));
    },
    slice: (x, axis, start, end) => {
      const to = sliceShape(x.shape, axis, start, end);
      return keep(x.ref.slice(...to.map((_, i): [] | [number, number] => (i === at(x, axis) ? [start, end] : []))));
    },
    concat: (xs, axis) => {
      concatShape(
        xs.map((x) => x.shape),
        axis,
      );
      const masks = xs.every((x) => x.dtype === np.bool);
      return keep(
        np.concatenate(
          xs.map((x) => (masks ? x.ref : float(x))),
          at(xs[0]!, axis),
        ),
      );
    },
    take: (x, axis, indices) => {
      const shape = takeShape(x.shape, axis, indices);
      if (indices.length === 0) return keep(np.zeros([...shape]));
      const picked = (i: number): JaxArray | [] => (i === at(x, axis) ? np.array(Int32Array.from(indices)) : []);
      return keep(x.ref.slice(...shape.map((_, i) => picked(i))));
    },

    add: binary("add", np.add),
    sub: binary("sub", np.subtract),
    mul: binary("mul", np.multiply),
    div: binary("div", np.divide),
    maximum: binary("maximum", np.maximum),
    minimum: binary("minimum", np.minimum),
    where: (mask, a, b) => {
      broadcastShape("where", mask.shape, shapeOf(a), shapeOf(b));
      const condition = mask.dtype === np.bool ? mask.ref : mask.ref.notEqual(0);
      return keep(np.where(condition, float(a), float(b)));
    },

    exp: unary(np.exp),
    log: unary(np.log),
    tanh: unary(np.tanh),

    sum: reduction("sum", 0, np.sum),
    max: reduction("max", Number.NEGATIVE_INFINITY, np.max),
    cumsum: (x, axis) => keep(np.cumsum(float(x), at(x, axis))),
    matmul: (a, b) => {
      const rank = matmulShape(a.shape, b.shape).length;
      if (a.shape.at(-1) === 0) return keep(np.zeros([...matmulShape(a.shape, b.shape)]));
      // jax-js 0.1.25 puts the axes in a wrong order where the ranks differ: [3, 4] x [2, 4, 2] gives [3, 2, 2].
      const [x, y] = [a, b].map((t) => float(t).reshape([...Array(rank - t.shape.length).fill(1), ...t.shape]));
      return keep(np.matmul(x!, y!));
    },
  };
}

const at = (x: JaxArray, axis: number): number => nonNegativeAxis("axis", x.shape, axis);
