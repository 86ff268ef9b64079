import type { EagerOps, Shape } from "../program/ops.ts";
import type { Program } from "./backend.ts";
import {
  broadcastShape,
  concatShape,
  dataShape,
  elementCount,
  matmulShape,
  reduceShape,
  reshapeShape,
  sliceShape,
  takeShape,
  transposeShape,
} from "./shape-rules.ts";

/** The cost of one run of a program. It depends on shapes only. */
export interface ProgramCost {
  /**
   * The number of primitive operations: an eager GPU backend launches each. `shape`, `constant` and `reshape` count 0.
   */
  readonly ops: number;
  /**
   * Floating-point operations. A matrix product counts `2 m n k`. Element-wise operations count 1 per output element,
   * `exp`, `log` and `tanh` included. Reductions and `cumsum` count 1 per input element. Operations that move elements
   * count 0.
   */
  readonly flops: number;
  /** Bytes written by those operations, at 4 bytes per element. */
  readonly bytes: number;
  /** The number of elements of the largest tensor that the program makes, constants included. */
  readonly largest: number;
  readonly outputs: Readonly<Record<string, Shape>>;
}

/**
 * Runs a program on shapes only: no values are computed, and every shape is checked.
 * @param shapes The shape of every input, by name.
 * @throws `ATTN_SHAPE` or `ATTN_DATA` if an operation breaks its shape rule.
 * @example
 * ```ts
 * programCost((o, x) => ({ y: o.matmul(x.a, x.b) }), { a: [2, 3], b: [3, 4] }).flops; // 48
 * ```
 */
export function programCost(program: Program, shapes: Readonly<Record<string, Shape>>): ProgramCost {
  const total = { ops: 0, flops: 0, bytes: 0, largest: 0 };
  const outputs = program(counting(total), shapes);
  return { ...total, outputs };
}

function counting(total: { ops: number; flops: number; bytes: number; largest: number }): EagerOps<Shape> {
  const made = (shape: Shape): Shape => {
    total.largest = Math.max(total.largest, elementCount(shape));
    return shape;
  };
  const ran = (shape: Shape, flops = 0): Shape => {
    total.ops += 1;
    total.flops += flops;
    total.bytes += 4 * elementCount(shape);
    return made(shape);
  };
  const elementwise =
    (op: string) =>
    (...operands: (Shape | number)[]): Shape => {
      const shape = broadcastShape(op, ...operands.map((x) => (typeof x === "number" ? [] : x)));
      return ran(shape, elementCount(shape));
    };
  const reduce = (op: string) => (x: Shape, axis: number) => ran(reduceShape(op, x, axis), elementCount(x));
  return {
    dtype: "float32",
    shape: (x) => x,
    constant: (data, shape) => made(dataShape("constant", data.length, shape)),
    reshape: (x, shape) => made(reshapeShape(x, shape)),
    transpose: (x, perm) => ran(transposeShape(x, perm)),
    slice: (x, axis, start, end) => ran(sliceShape(x, axis, start, end)),
    concat: (xs, axis) => ran(concatShape(xs, axis)),
    take: (x, axis, indices) => ran(takeShape(x, axis, indices)),
    add: elementwise("add"),
    sub: elementwise("sub"),
    mul: elementwise("mul"),
    div: elementwise("div"),
    maximum: elementwise("maximum"),
    minimum: elementwise("minimum"),
    where: elementwise("where"),
    exp: elementwise("exp"),
    log: elementwise("log"),
    tanh: elementwise("tanh"),
    sum: reduce("sum"),
    max: reduce("max"),
    cumsum(x, axis) {
      reduceShape("cumsum", x, axis);
      return ran(x, elementCount(x));
    },
    matmul(a, b) {
      const shape = matmulShape(a, b);
      return ran(shape, 2 * elementCount(shape) * (a.at(-1) as number));
    },
  };
}
