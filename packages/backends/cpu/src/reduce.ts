import { elementCount, reduceShape } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { around } from "./move.ts";
import { type Floats, type FloatType, floatsOf, type NdArray } from "./ndarray.ts";

/** Returns the operations along one axis. Sums are accumulated in float64 for both dtypes. */
export function reductions(Float: FloatType): Pick<Ops<NdArray>, "sum" | "max" | "cumsum"> {
  const reduce = (op: string, last: Rows, inner: Planes) => (x: NdArray, axis: number) => {
    const shape = reduceShape(op, x.shape, axis);
    const data = new Float(elementCount(shape));
    const size = around(op, x, axis);
    if (size.inner === 1) last(data, floatsOf(Float, x), size.n);
    else inner(data, floatsOf(Float, x), size.outer, size.n, size.inner);
    return { shape, data };
  };
  return {
    sum: reduce("sum", sumRows, sumPlanes),
    max: reduce("max", maxRows, maxPlanes),
    cumsum(x, axis) {
      const { outer, n, inner } = around("cumsum", x, axis);
      const data = new Float(x.data.length);
      cumsumPlanes(data, floatsOf(Float, x), outer, n, inner);
      return { shape: x.shape, data };
    },
  };
}

/** Reduces `[rows, n] -> [rows]`. */
type Rows = (out: Floats, x: Floats, n: number) => void;
/** Reduces `[outer, n, inner] -> [outer, inner]`. */
type Planes = (out: Floats, x: Floats, outer: number, n: number, inner: number) => void;

/** Uses four independent sums: each addition to a single sum would wait for the one before. */
function sumRows(out: Floats, x: Floats, n: number): void {
  for (let r = 0, i = 0; r < out.length; r++) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    const end = i + n;
    for (; i + 3 < end; i += 4) {
      a += x[i]!;
      b += x[i + 1]!;
      c += x[i + 2]!;
      d += x[i + 3]!;
    }
    for (; i < end; i++) a += x[i]!;
    out[r] = a + b + (c + d);
  }
}

function sumPlanes(out: Floats, x: Floats, outer: number, n: number, inner: number): void {
  const total = new Float64Array(inner);
  for (let p = 0, i = 0; p < outer; p++) {
    total.fill(0);
    for (let r = 0; r < n; r++) for (let j = 0; j < inner; j++) total[j]! += x[i++]!;
    out.set(total, p * inner);
  }
}

function maxRows(out: Floats, x: Floats, n: number): void {
  for (let r = 0, i = 0; r < out.length; r++) {
    let m = Number.NEGATIVE_INFINITY;
    for (const end = i + n; i < end; i++) m = Math.max(m, x[i]!);
    out[r] = m;
  }
}

function maxPlanes(out: Floats, x: Floats, outer: number, n: number, inner: number): void {
  out.fill(Number.NEGATIVE_INFINITY);
  for (let p = 0, i = 0; p < outer; p++)
    for (let r = 0; r < n; r++) for (let j = 0, o = p * inner; j < inner; j++, o++) out[o] = Math.max(out[o]!, x[i++]!);
}

function cumsumPlanes(out: Floats, x: Floats, outer: number, n: number, inner: number): void {
  const total = new Float64Array(inner);
  for (let p = 0, i = 0; p < outer; p++) {
    total.fill(0);
    for (let r = 0; r < n; r++)
      for (let j = 0; j < inner; j++, i++) {
        total[j]! += x[i]!;
        out[i] = total[j]!;
      }
  }
}
