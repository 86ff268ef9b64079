import type { Shape } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import type { Numbers } from "./value.ts";

/** Arithmetic on the constants of a graph: the graph then holds the result instead of the nodes that compute it. */

type Floats = new (length: number) => Float32Array | Float64Array;

/**
 * Returns `out[i] = data[start + sum over axes a of steps[a] *
 * index[a]]`, where `index` is the multi-index of i in `shape`.
 */
export function gathered<X extends Numbers>(data: X, shape: Shape, steps: readonly number[], start = 0): X {
  const n = elementCount(shape);
  const like = data.constructor as new (n: number) => { [i: number]: number };
  const result = new like(n);
  const at = shape.map(() => 0);
  let position = start;
  for (let i = 0; i < n; i++) {
    result[i] = data[position]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]!++;
      position += steps[axis]!;
      if (at[axis]! < shape[axis]!) break;
      position -= steps[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return result as unknown as X;
}

/** Returns the number of elements between neighbours along each axis. */
export function strides(shape: Shape): number[] {
  const out = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    out[i] = step;
    step *= shape[i]!;
  }
  return out;
}

/** Repeats the data of a tensor of shape `from` to the shape `to`, by NumPy's broadcast rule. */
export function spread<X extends Numbers>(data: X, from: Shape, to: Shape): X {
  if (elementCount(from) === elementCount(to)) return data;
  const own = strides(from);
  const steps = to.map((_, i) => {
    const j = i - to.length + from.length;
    return j < 0 || from[j] === 1 ? 0 : own[j]!;
  });
  return gathered(data, to, steps);
}

export const arithmetic = {
  Add: (a: number, b: number): number => a + b,
  Sub: (a: number, b: number): number => a - b,
  Mul: (a: number, b: number): number => a * b,
  Div: (a: number, b: number): number => a / b,
  Max: (a: number, b: number): number => Math.max(a, b),
  Min: (a: number, b: number): number => Math.min(a, b),
};

/** Applies `f` to two constants element by element, with broadcasting, and rounds the result to the float type. */
export function combined(
  Float: Floats,
  f: (a: number, b: number) => number,
  shape: Shape,
  [a, from]: readonly [Numbers, Shape],
  [b, of]: readonly [Numbers, Shape],
): Float32Array | Float64Array {
  const [x, y] = [spread(a, from, shape), spread(b, of, shape)];
  const out = new Float(elementCount(shape));
  for (let i = 0; i < out.length; i++) out[i] = f(x[i]!, y[i]!);
  return out;
}
