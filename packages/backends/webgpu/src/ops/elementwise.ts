import { broadcastShape } from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import { isHalf } from "../halves.ts";
import type { ElementType, GpuTensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";
import { pointwise } from "./pointwise.ts";

type Elementwise = "add" | "sub" | "mul" | "div" | "maximum" | "minimum" | "where" | "exp" | "log" | "tanh";
type Operand = GpuTensor | number;

const shapeOf = (x: Operand) => (typeof x === "number" ? [] : x.shape);

/** Returns the type of a result whose elements are elements of the operands: half if all of them are. */
const selected = (...operands: readonly Operand[]): ElementType =>
  operands.some((x) => typeof x !== "number" && x.dtype === "float16") &&
  operands.every((x) => (typeof x === "number" ? isHalf(x) : x.dtype !== "float32"))
    ? "float16"
    : "float32";

/** Returns the element-wise operations. Booleans count as 0 and 1. */
export function elementwise(gpu: Gpu): Pick<EagerOps<GpuTensor>, Elementwise> {
  const { memory } = gpu;
  const own = (x: Operand): Operand => (typeof x === "number" ? x : memory.own(x));
  const binary = (op: string, expression: string, typeOf?: typeof selected) => (a: Operand, b: Operand) =>
    pointwise(gpu, op, expression, [own(a), own(b)], broadcastShape(op, shapeOf(a), shapeOf(b)), typeOf?.(a, b));
  const unary = (op: string, expression: string) => (x: GpuTensor) =>
    pointwise(gpu, op, expression, [memory.own(x)], x.shape);
  return {
    add: binary("add", "a0 + a1"),
    sub: binary("sub", "a0 - a1"),
    mul: binary("mul", "a0 * a1"),
    div: binary("div", "a0 / a1"),
    maximum: binary("maximum", "larger(a0, a1)", selected),
    minimum: binary("minimum", "smaller(a0, a1)", selected),
    where(mask, a, b) {
      const shape = broadcastShape("where", memory.own(mask).shape, shapeOf(a), shapeOf(b));
      return pointwise(gpu, "where", "select(a1, a2, is_zero(a0))", [mask, own(a), own(b)], shape, selected(a, b));
    },
    exp: unary("exp", "exponential(a0)"),
    log: unary("log", "natural(a0)"),
    tanh: unary("tanh", "tangent(a0)"),
  };
}
