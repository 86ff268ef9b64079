import { broadcastLoops, broadcastShape, elementCount, equalShapes } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { exp32, exp64 } from "./exp.ts";
import { forEachPlane } from "./loops.ts";
import { bytesOf, type Floats, type FloatType, floatsOf, type NdArray } from "./ndarray.ts";
import * as planes from "./planes.ts";

type Elementwise = "add" | "sub" | "mul" | "div" | "maximum" | "minimum" | "where" | "exp" | "log" | "tanh";

/** Returns the element-wise operations over floats of type `Float`. Booleans count as 0 and 1. */
export function elementwise(Float: FloatType): Pick<Ops<NdArray>, Elementwise> {
  const operand = (x: NdArray | number): NdArray => (typeof x === "number" ? { shape: [], data: new Float([x]) } : x);

  const binary = (op: string, plane: planes.Plane) => (x: NdArray | number, y: NdArray | number) => {
    const a = operand(x);
    const b = operand(y);
    const p = floatsOf(Float, a);
    const q = floatsOf(Float, b);
    if (a.shape.length === 0 || b.shape.length === 0 || equalShapes(a.shape, b.shape)) {
      const { shape } = a.shape.length === 0 ? b : a;
      const data = new Float(elementCount(shape));
      plane(data, 0, 1, data.length, p, 0, 0, Math.min(1, a.shape.length), q, 0, 0, Math.min(1, b.shape.length));
      return { shape, data };
    }
    const shape = broadcastShape(op, a.shape, b.shape);
    const data = new Float(elementCount(shape));
    forEachPlane(broadcastLoops(shape, [a.shape, b.shape]), (o, m, n, [pi, qi], [pr, qr], [pj, qj]) =>
      plane(data, o, m, n, p, pi!, pr!, pj!, q, qi!, qr!, qj!),
    );
    return { shape, data };
  };

  const unary = (row: (out: Floats, x: Floats) => void) => (x: NdArray) => {
    const data = new Float(x.data.length);
    row(data, floatsOf(Float, x));
    return { shape: x.shape, data };
  };

  return {
    add: binary("add", planes.add),
    sub: binary("sub", planes.sub),
    mul: binary("mul", planes.mul),
    div: binary("div", planes.div),
    maximum: binary("maximum", planes.maximum),
    minimum: binary("minimum", planes.minimum),
    where(mask, x, y) {
      const a = operand(x);
      const b = operand(y);
      const shape = broadcastShape("where", mask.shape, a.shape, b.shape);
      const data = new Float(elementCount(shape));
      const w = bytesOf(mask);
      const p = floatsOf(Float, a);
      const q = floatsOf(Float, b);
      forEachPlane(broadcastLoops(shape, [mask.shape, a.shape, b.shape]), (o, m, n, at, [wr, pr, qr], [wj, pj, qj]) => {
        for (let r = 0, [wi, pi, qi] = at as [number, number, number]; r < m; r++, wi += wr!, pi += pr!, qi += qr!)
          planes.select(data, o + r * n, n, w, wi, wj!, p, pi, pj!, q, qi, qj!);
      });
      return { shape, data };
    },
    exp: unary(Float === Float32Array ? exp32 : exp64),
    log: unary(planes.log),
    tanh: unary(planes.tanh),
  };
}
