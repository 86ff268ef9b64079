import type { EagerOps, Shape } from "../../program/ops.ts";
import { bools, concat, get, type Host, host, size, slice, take, walk } from "../host.ts";

/**
 * The definition of every operation, index by index, in float64. It is written from the text of `Ops` only: slow and
 * short. Backends are compared with it.
 */
export const define: EagerOps<Host> = {
  dtype: "float64",
  shape: (x) => x.shape,
  constant: (data, shape) => host(shape, (i) => data[i]!),

  reshape: (x, shape) => ({ shape: resolved(shape, size(x.shape)), data: x.data }),
  transpose: (x, order) => {
    const perm = order.map((axis) => from0(axis, x.shape));
    const shape = perm.map((axis) => x.shape[axis]!);
    const entry = (at: readonly number[]) =>
      get(
        x,
        x.shape.map((_, axis) => at[perm.indexOf(axis)]!),
      );
    return x.data instanceof Uint8Array ? bools(shape, (_, at) => entry(at) !== 0) : host(shape, (_, at) => entry(at));
  },
  slice,
  concat,
  take,

  add: pointwise((a, b) => a! + b!),
  sub: pointwise((a, b) => a! - b!),
  mul: pointwise((a, b) => a! * b!),
  div: pointwise((a, b) => a! / b!),
  maximum: pointwise((a, b) => Math.max(a!, b!)),
  minimum: pointwise((a, b) => Math.min(a!, b!)),
  where: pointwise((mask, a, b) => (mask !== 0 ? a! : b!)),

  exp: pointwise((x) => Math.exp(x!)),
  log: pointwise((x) => Math.log(x!)),
  tanh: pointwise((x) => Math.tanh(x!)),

  sum: (x, axis) => reduce(x, axis, (line) => line.reduce((a, b) => a + b, 0)),
  max: (x, axis) => reduce(x, axis, (line) => Math.max(...line)),
  cumsum: (x, axis) => {
    const a = from0(axis, x.shape);
    const step = size(x.shape.slice(a + 1));
    const out = host(x.shape, (i) => x.data[i]!);
    walk(x.shape, (i, at) => {
      if (at[a]! > 0) out.data[i]! += out.data[i - step]!;
    });
    return out;
  },
  matmul: product((a, b) => a * b),
};

/** How large the terms behind each entry are: what a rounding error of one operation is relative to. */
export const magnitude: EagerOps<Host> = {
  ...define,
  add: pointwise((a, b) => Math.abs(a!) + Math.abs(b!)),
  sub: pointwise((a, b) => Math.abs(a!) + Math.abs(b!)),
  mul: pointwise((a, b) => Math.abs(a! * b!)),
  div: pointwise((a, b) => Math.abs(a! / b!)),
  exp: pointwise((x) => Math.exp(x!) * (1 + Math.abs(x!))),
  log: pointwise((x) => 1 + Math.abs(Math.log(x!))),
  tanh: pointwise(() => 1),
  sum: (x, axis) => define.sum(absolute(x), axis),
  cumsum: (x, axis) => define.cumsum(absolute(x), axis),
  matmul: product((a, b) => Math.abs(a * b)),
};

const absolute = (x: Host): Host => host(x.shape, (i) => Math.abs(x.data[i]!));

const from0 = (axis: number, shape: Shape): number => (axis < 0 ? axis + shape.length : axis);

/** The -1 of a reshape. */
function resolved(shape: Shape, count: number): Shape {
  const known = shape.reduce((n, s) => (s < 0 ? n : n * s), 1);
  return shape.map((s) => (s < 0 ? count / known : s));
}

/** The shape that all of these broadcast to, as NumPy's rule says. */
function together(shapes: readonly Shape[]): number[] {
  const rank = Math.max(...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((s) => s[axis - rank + s.length] ?? 1);
    return sizes.find((n) => n !== 1) ?? 1;
  });
}

function pointwise(f: (...xs: number[]) => number) {
  return (...args: (Host | number)[]): Host => {
    const xs = args.map((x) => (typeof x === "number" ? { shape: [], data: Float64Array.of(x) } : x));
    return host(together(xs.map((x) => x.shape)), (_, at) => f(...xs.map((x) => get(x, at))));
  };
}

function reduce(x: Host, axis: number, f: (line: number[]) => number): Host {
  const a = from0(axis, x.shape);
  return host(x.shape.with(a, 1), (_, at) => f(Array.from({ length: x.shape[a]! }, (_, i) => get(x, at.with(a, i)))));
}

function product(f: (a: number, b: number) => number) {
  return (a: Host, b: Host): Host => {
    const inner = a.shape.at(-1)!;
    const batch = together([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
    return host([...batch, a.shape.at(-2)!, b.shape.at(-1)!], (_, at) => {
      const lead = at.slice(0, -2);
      let sum = 0;
      for (let l = 0; l < inner; l++) sum += f(get(a, [...lead, at.at(-2)!, l]), get(b, [...lead, l, at.at(-1)!]));
      return sum;
    });
  };
}
