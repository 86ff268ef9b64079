import type { EagerOps } from "@attnkit/core/program";
import type { NdArray } from "@attnkit/cpu";
import { type BrokenOp, edit, fill } from "./replaced.ts";

/** Mistakes in operations that compute, with the law that must catch each. */
export const brokenOps: readonly BrokenOp[] = [
  {
    name: "add of a number drops its fraction",
    law: "op-add",
    replace: (o) => ({ add: (a, b) => o.add(a, typeof b === "number" && Math.abs(b) < 1 ? Math.trunc(b) : b) }),
  },
  {
    name: "add ignores the second batch",
    law: "op-add",
    replace: (o) => ({ add: (a, b) => cutBatch(o, o.add(a, b)) }),
  },
  {
    name: "sub with a number first is swapped",
    law: "op-sub",
    replace: (o) => ({ sub: (a, b) => (typeof a === "number" ? o.sub(b, a) : o.sub(a, b)) }),
  },
  {
    name: "mul of large tensors stops at 128 entries",
    law: "op-mul",
    replace: (o) => ({ mul: (a, b) => edit(o.mul(a, b), (x, i) => (i < 128 ? x : 0)) }),
  },
  { name: "div truncates", law: "op-div", replace: (o) => ({ div: (a, b) => edit(o.div(a, b), Math.trunc) }) },
  {
    name: "div of equal operands is 1, also 0 / 0",
    law: "op-div",
    replace: (o) => ({ div: (a, b) => o.where(o.sub(a, b), o.div(a, b), 1) }),
  },
  { name: "minimum is maximum", law: "op-minimum", replace: (o) => ({ minimum: o.maximum }) },
  {
    name: "maximum of -Infinity is a large finite number",
    law: "op-maximum",
    replace: (o) => ({ maximum: (a, b) => edit(o.maximum(a, b), (x) => Math.max(x, -1e30)) }),
  },
  {
    name: "where of two numbers swaps them",
    law: "op-where",
    replace: (o) => ({
      where: (m, a, b) => (typeof a === "number" && typeof b === "number" ? o.where(m, b, a) : o.where(m, a, b)),
    }),
  },
  {
    name: "where takes positive masks only",
    law: "op-where",
    replace: (o) => ({
      where: (m, a, b) =>
        o.where(
          edit(m, (x) => +(x > 0)),
          a,
          b,
        ),
    }),
  },
  {
    name: "where multiplies",
    law: "op-where",
    replace: (o) => ({ where: (m, a, b) => o.add(o.mul(m, a), o.mul(o.sub(1, m), b)) }),
  },
  {
    name: "where swaps under a broadcast mask",
    law: "op-where",
    replace: (o) => ({
      where: (m, a, b) =>
        m.shape.length < (typeof a === "number" ? 0 : a.shape.length) ? o.where(m, b, a) : o.where(m, a, b),
    }),
  },
  {
    name: "exp flushes small results to 0",
    law: "op-exp",
    replace: (o) => ({ exp: (x) => edit(o.exp(x), (y) => (y < 1e-20 ? 0 : y)) }),
  },
  {
    name: "exp of -Infinity is NaN",
    law: "op-exp",
    replace: (o) => ({
      exp: (x) => edit(o.exp(x), (y, i) => (x.data[i] === Number.NEGATIVE_INFINITY ? Number.NaN : y)),
    }),
  },
  { name: "log guards with an epsilon", law: "op-log", replace: (o) => ({ log: (x) => o.log(o.add(x, 1e-6)) }) },
  {
    name: "tanh overflows",
    law: "op-tanh",
    replace: (o) => ({
      tanh: (x) => {
        const e = o.exp(o.mul(x, 2));
        return o.div(o.sub(e, 1), o.add(e, 1));
      },
    }),
  },
  {
    name: "sum over no entries is NaN",
    law: "op-sum",
    replace: (o) => ({
      sum: (x, axis) => (x.shape.at(axis) === 0 ? fill(o.sum(x, axis), Number.NaN) : o.sum(x, axis)),
    }),
  },
  {
    name: "sum drops the axis",
    law: "op-sum",
    replace: (o) => ({
      sum: (x, axis) => {
        const y = o.sum(x, axis);
        return { ...y, shape: y.shape.toSpliced(axis, 1) };
      },
    }),
  },
  {
    name: "max takes the wrong axis",
    law: "op-max",
    replace: (o) => ({
      max: (x, axis) =>
        o.max(x, axis < 0 ? axis + x.shape.length : x.shape.length > 2 ? (axis + 1) % x.shape.length : axis),
    }),
  },
  {
    name: "max over no entries is 0",
    law: "op-max",
    replace: (o) => ({ max: (x, axis) => (x.shape.at(axis) === 0 ? fill(o.max(x, axis), 0) : o.max(x, axis)) }),
  },
  {
    name: "max starts from -1e20",
    law: "op-max",
    replace: (o) => ({
      max: (x, axis) =>
        x.shape.at(axis) === 0 || x.data.includes(Number.NEGATIVE_INFINITY)
          ? o.max(x, axis)
          : o.maximum(o.max(x, axis), -1e20),
    }),
  },
  {
    name: "cumsum is exclusive",
    law: "op-cumsum",
    replace: (o) => ({ cumsum: (x, axis) => o.sub(o.cumsum(x, axis), x) }),
  },
  {
    name: "cumsum restarts every 1024 entries",
    law: "op-cumsum",
    replace: (o) => ({
      cumsum: (x, axis) =>
        x.shape.at(axis)! > 1024
          ? o.concat(
              [o.cumsum(o.slice(x, axis, 0, 1024), axis), o.cumsum(o.slice(x, axis, 1024, x.shape.at(axis)!), axis)],
              axis,
            )
          : o.cumsum(x, axis),
    }),
  },
  {
    name: "matmul stops at 64 inner entries",
    law: "op-matmul",
    replace: (o) => ({
      matmul: (a, b) =>
        a.shape.at(-1)! > 64 ? o.matmul(o.slice(a, -1, 0, 64), o.slice(b, -2, 0, 64)) : o.matmul(a, b),
    }),
  },
  {
    name: "matmul counts one product too many along an odd axis, of what exp left there",
    law: "op-matmul",
    replace: (o) => {
      const dirty = new WeakSet<NdArray>();
      return {
        exp: (x) => {
          const y = o.exp(x);
          dirty.add(y);
          return y;
        },
        matmul: (a, b) => o.add(o.matmul(a, b), dirty.has(a) && dirty.has(b) ? a.shape.at(-1)! % 2 : 0),
      };
    },
  },
  {
    name: "matmul does not broadcast the second batch",
    law: "op-matmul",
    replace: (o) => ({
      matmul: (a, b) => (b.shape.length > 2 && b.shape[0] === 1 ? cutBatch(o, o.matmul(a, b)) : o.matmul(a, b)),
    }),
  },
  {
    name: "where holds NaN for false",
    law: "op-where",
    replace: (o) => ({
      where: (m, a, b) =>
        o.where(
          edit(m, (x) => (Number.isNaN(x) ? 0 : x)),
          a,
          b,
        ),
    }),
  },
  {
    name: "sub of equal operands is 0, also of infinities",
    law: "op-sub",
    replace: (o) => ({ sub: (a, b) => edit(o.sub(a, b), (x) => (Number.isNaN(x) ? 0 : x)) }),
  },
  {
    name: "sum leaves NaN out",
    law: "op-sum",
    replace: (o) => ({
      sum: (x, axis) =>
        o.sum(
          edit(x, (value) => (Number.isNaN(value) ? 0 : value)),
          axis,
        ),
    }),
  },
  {
    name: "exp works in place",
    law: "op-exp",
    replace: (o) => ({
      exp: (x) => {
        (x.data as Float32Array).set(o.exp(x).data as Float32Array);
        return x;
      },
    }),
  },
  {
    name: "add leaves out the number 0 and what is added to it",
    law: "op-add",
    replace: (o) => ({ add: (a, b) => (a === 0 && typeof b !== "number" ? fill(b, 0) : o.add(a, b)) }),
  },
  {
    name: "add repeats after 65536 elements",
    law: "op-add",
    replace: (o) => ({
      add: (a, b) => {
        const y = o.add(a, b);
        return edit(y, (_, i) => y.data[i & 65535]!);
      },
    }),
  },
  {
    name: "div by 0 is 0",
    law: "op-div",
    replace: (o) => ({ div: (a, b) => edit(o.div(a, b), (x) => (Number.isFinite(x) || Number.isNaN(x) ? x : 0)) }),
  },
  {
    name: "where takes masks below 1e-6 for 0",
    law: "op-where",
    replace: (o) => ({
      where: (m, a, b) =>
        o.where(
          edit(m, (x) => (Math.abs(x) < 1e-6 ? 0 : x)),
          a,
          b,
        ),
    }),
  },
  {
    name: "sum adds 64 entries without the last",
    law: "op-sum",
    replace: (o) => ({
      sum: (x, axis) => (x.shape.at(axis) === 64 ? o.sum(o.slice(x, axis, 0, 63), axis) : o.sum(x, axis)),
    }),
  },
  {
    name: "max stops at 4096 entries",
    law: "op-max",
    replace: (o) => ({ max: (x, axis) => o.max(o.slice(x, axis, 0, Math.min(4096, x.shape.at(axis)!)), axis) }),
  },
  {
    name: "matmul stops at 512 inner entries",
    law: "op-matmul",
    replace: (o) => ({
      matmul: (a, b) =>
        a.shape.at(-1)! > 512 ? o.matmul(o.slice(a, -1, 0, 512), o.slice(b, -2, 0, 512)) : o.matmul(a, b),
    }),
  },
];

/** The result with its second batch zeroed. */
function cutBatch(o: EagerOps<NdArray>, x: NdArray): NdArray {
  if (x.shape.length < 3 || x.shape[0]! < 2) return x;
  return o.concat([o.slice(x, 0, 0, 1), fill(o.slice(x, 0, 1, x.shape[0]!), 0)], 0);
}
