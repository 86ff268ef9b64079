import { broadcastShape } from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import type { GpuTensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";
import { pointwise } from "./pointwise.ts";

type Elementwise = "add" | "sub" | "mul" | "div" | "maximum" | "minimum" | "where" | "exp" | "log" | "tanh";
type Operand = GpuTensor | number;

const shapeOf = (x: Operand) => (typeof x === "number" ? [] : x.shape);

/** Returns the element-wise operations. Booleans count as 0 and 1. */
export function elementwise(gpu: Gpu): Pick<EagerOps<GpuTensor>, Elementwise> {
  const { memory } = gpu;
  const own = (x: Operand): Operand => (typeof x === "number" ? x : memory.own(x));
  const binary = (op: string, expression: string) => (a: Operand, b: Operand) =>
    pointwise(gpu, op, expression, [own(a), own(b)], broadcastShape(op, shapeOf(a), shapeOf(b)));
  const unary = (op: string, expression: string) => (x: GpuTensor) =>
    pointwise(gpu, op, expression, [memory.own(x)], x.shape);
  return {
    add: binary("add", "a0 + a1"),
    sub: binary("sub", "a0 - a1"),
    mul: binary("mul", "a0 * a1"),
    div: binary("div", "a0 / a1"),
    maximum: binary("maximum", "larger(a0, a1)"),
    minimum: binary("minimum", "smaller(a0, a1)"),
    where(mask, a, b) {
      const shape = broadcastShape("where", memory.own(mask).shape, shapeOf(a), shapeOf(b));
      return pointwise(gpu, "where", "select(a1, a2, is_zero(a0))", [mask, own(a), own(b)], shape);
    },
    exp: unary("exp", "exponential(a0)"),
    log: unary("log", "natural(a0)"),
    tanh: unary("tanh", "tangent(a0)"),
  };
}
