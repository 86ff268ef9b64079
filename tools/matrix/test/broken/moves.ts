import type { EagerOps } from "@attnkit/core/program";
import type { NdArray } from "@attnkit/cpu";
import { type BrokenOp, edit, fill } from "./replaced.ts";

/** Mistakes in operations that move numbers and booleans, and in constants, with the law that must catch each. */
export const brokenMoves: readonly BrokenOp[] = [
  {
    name: "transpose ignores the order of rank 4",
    law: "op-transpose",
    replace: (o) => ({
      transpose: (x, perm) =>
        x.shape.length === 4
          ? o.reshape(
              x,
              perm.map((p) => x.shape[p]!),
            )
          : o.transpose(x, perm),
    }),
  },
  {
    name: "transpose inverts the order",
    law: "op-transpose",
    replace: (o) => ({
      transpose: (x, perm) =>
        o.transpose(
          x,
          perm.map((_, i) => perm.findIndex((p) => (p < 0 ? p + perm.length : p) === i)),
        ),
    }),
  },
  {
    name: "slice includes its end",
    law: "op-slice",
    replace: (o) => ({ slice: (x, axis, start, end) => o.slice(x, axis, start, Math.min(end + 1, x.shape.at(axis)!)) }),
  },
  {
    name: "concat of rank 5 gives zeros along a negative axis",
    law: "op-concat",
    replace: (o) => ({
      concat: (xs, axis) => (axis < 0 && xs[0]!.shape.length === 5 ? fill(o.concat(xs, axis), 0) : o.concat(xs, axis)),
    }),
  },
  {
    name: "concat forgets empty parts' neighbours",
    law: "op-concat",
    replace: (o) => ({
      concat: (xs, axis) => o.concat(xs.some((x) => x.data.length === 0) ? xs.slice(0, 1) : xs, axis),
    }),
  },
  {
    name: "take drops repeats",
    law: "op-take",
    replace: (o) => ({
      take: (x, axis, indices) =>
        o.take(
          x,
          axis,
          indices.map((n, i) => (indices.indexOf(n) === i ? n : 0)),
        ),
    }),
  },
  {
    name: "reshape to rank 5 reverses the numbers",
    law: "op-reshape",
    replace: (o) => ({
      reshape: (x, shape) =>
        shape.length === 5 ? edit(o.reshape(x, shape), (_, i) => x.data[x.data.length - 1 - i]!) : o.reshape(x, shape),
    }),
  },
  {
    name: "reshape of a mask makes floats of 255",
    law: "op-boolean-moves",
    replace: (o) => ({
      reshape: (x, shape) => (x.data instanceof Uint8Array ? o.sub(o.reshape(x, shape), 1) : o.reshape(x, shape)),
    }),
  },
  {
    name: "sum of a mask counts in bytes",
    law: "op-boolean-numbers",
    replace: (o) => ({
      sum: (x, axis) => {
        const y = o.sum(x, axis);
        return x.data instanceof Uint8Array ? { ...y, data: Uint8Array.from(y.data) } : y;
      },
    }),
  },
  ...(["reshape", "transpose", "slice", "take"] as const).map((op) => ({
    name: `${op} of a mask gives floats of 0 and 1`,
    law: "op-boolean-moves",
    replace: (o: EagerOps<NdArray>) => ({
      [op]: (x: NdArray, ...rest: [never, never, never]) => {
        const y = (o[op] as (x: NdArray, ...rest: [never, never, never]) => NdArray)(x, ...rest);
        return { ...y, data: Float32Array.from(y.data) };
      },
    }),
  })),
  {
    name: "constant keeps the caller's array",
    law: "op-constant",
    replace: (o) => ({
      constant: (data, shape) => (data instanceof Float32Array ? { data, shape } : o.constant(data, shape)),
    }),
  },
  {
    name: "constant has no -Infinity",
    law: "op-constant",
    replace: (o) => ({ constant: (data, shape) => edit(o.constant(data, shape), (x) => (Number.isFinite(x) ? x : 0)) }),
  },
  {
    name: "transpose of a square matrix is the matrix",
    law: "op-transpose",
    replace: (o) => ({
      transpose: (x, perm) => (x.shape.length === 2 && x.shape[0] === x.shape[1] ? x : o.transpose(x, perm)),
    }),
  },
  {
    name: "slice reads a transposed tensor in its old order",
    law: "op-slice",
    replace: (o) => {
      const before = new WeakMap<NdArray, NdArray>();
      return {
        transpose: (x, perm) => {
          const y = o.transpose(x, perm);
          before.set(y, { shape: y.shape, data: x.data });
          return y;
        },
        slice: (x, axis, start, end) => o.slice(before.get(x) ?? x, axis, start, end),
      };
    },
  },
  {
    name: "slice to 0 is a slice to the end",
    law: "op-slice",
    replace: (o) => ({ slice: (x, axis, start, end) => o.slice(x, axis, start, end || x.shape.at(axis)!) }),
  },
  {
    name: "concat joins 8 parts at most",
    law: "op-concat",
    replace: (o) => ({
      concat: (xs, axis) =>
        o.concat(
          xs.map((x, i) => (i < 8 ? x : fill(x, 0))),
          axis,
        ),
    }),
  },
  {
    name: "take keeps indices in bytes",
    law: "op-take",
    replace: (o) => ({
      take: (x, axis, indices) =>
        o.take(
          x,
          axis,
          indices.map((i) => i & 255),
        ),
    }),
  },
  {
    name: "a number minus a mask is a mask",
    law: "op-boolean-numbers",
    replace: (o) => ({
      sub: (a, b) => {
        const y = o.sub(a, b);
        const mask = typeof a === "number" && typeof b !== "number" && b.data instanceof Uint8Array;
        return mask ? { ...y, data: Uint8Array.from(y.data) } : y;
      },
    }),
  },
];
