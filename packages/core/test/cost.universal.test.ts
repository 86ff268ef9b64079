import { isAttentionError, type Shape } from "@attnkit/core";
import { type Program, type ProgramCost, programCost } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { describe, expect, test } from "vitest";

/** The cost of one operation on `x` and `w`. */
type Only = <T>(o: Ops<T>, x: T, w: T) => T;
const of = (run: Only, x: Shape, w: Shape = []): ProgramCost => {
  const program: Program = (o, t) => ({ y: run(o, t.x!, t.w!) });
  return programCost(program, { x, w });
};

describe("cost", () => {
  test.each<[string, Only, Shape, Shape, Shape, number]>([
    ["add", (o, x, w) => o.add(x, w), [2, 1, 4], [3, 1], [2, 3, 4], 24],
    ["sub of a number", (o, x) => o.sub(1, x), [2, 3], [], [2, 3], 6],
    ["mul", (o, x, w) => o.mul(x, w), [], [5], [5], 5],
    ["div", (o, x, w) => o.div(x, w), [0, 3], [3], [0, 3], 0],
    ["maximum", (o, x) => o.maximum(x, 0), [7], [], [7], 7],
    ["minimum", (o, x, w) => o.minimum(x, w), [1], [2, 2], [2, 2], 4],
    ["where", (o, x, w) => o.where(x, w, 0), [4, 1], [1, 5], [4, 5], 20],
    ["exp", (o, x) => o.exp(x), [2, 3], [], [2, 3], 6],
    ["log", (o, x) => o.log(x), [2, 3], [], [2, 3], 6],
    ["tanh", (o, x) => o.tanh(x), [2, 3], [], [2, 3], 6],
    ["sum", (o, x) => o.sum(x, -1), [2, 3], [], [2, 1], 6],
    ["max", (o, x) => o.max(x, 0), [2, 3], [], [1, 3], 6],
    ["cumsum", (o, x) => o.cumsum(x, 1), [2, 3], [], [2, 3], 6],
    ["matmul", (o, x, w) => o.matmul(x, w), [2, 1, 3, 4], [5, 4, 6], [2, 5, 3, 6], 2 * 10 * 3 * 4 * 6],
    ["transpose", (o, x) => o.transpose(x, [2, 0, -2]), [2, 3, 4], [], [4, 2, 3], 0],
    ["slice", (o, x) => o.slice(x, -1, 1, 3), [2, 3], [], [2, 2], 0],
    ["concat", (o, x, w) => o.concat([x, w, x], 0), [2, 3], [1, 3], [5, 3], 0],
    ["take", (o, x) => o.take(x, 0, [1, 1, 0]), [2, 3], [], [3, 3], 0],
  ])("%s is one operation", (_, run, x, w, shape, flops) => {
    const size = shape.reduce((a, b) => a * b, 1);
    expect(of(run, x, w)).toEqual({ ops: 1, flops, bytes: 4 * size, largest: size, outputs: { y: shape } });
  });

  test("shape, constant and reshape are free, but what they make is seen", () => {
    const free = { ops: 0, flops: 0, bytes: 0 };
    expect(of((o, x) => o.reshape(x, [-1, 2]), [3, 4])).toEqual({ ...free, largest: 12, outputs: { y: [6, 2] } });
    expect(of((o) => o.constant(new Float32Array(20), [4, 5]), [1])).toEqual({
      ...free,
      largest: 20,
      outputs: { y: [4, 5] },
    });
    expect(of((o, x) => o.constant([o.shape(x).length], []), [1, 2])).toMatchObject({ largest: 1, outputs: { y: [] } });
  });

  test("an input is not something that the program makes", () => {
    expect(of((_, x) => x, [9, 9])).toEqual({ ops: 0, flops: 0, bytes: 0, largest: 0, outputs: { y: [9, 9] } });
  });

  test("adds up over a program, and `largest` finds the one large tensor in between", () => {
    const softmax: Program = (o, { q, k, v }) => {
      const scores = o.matmul(q!, o.transpose(k!, [1, 0]));
      const weights = o.exp(o.sub(scores, o.max(scores, -1)));
      return { y: o.div(o.matmul(weights, v!), o.sum(weights, -1)) };
    };
    const [L, S, d] = [10, 100, 4];
    const got = programCost(softmax, { q: [L, d], k: [S, d], v: [S, d] });
    expect(got.ops).toBe(8);
    expect(got.largest).toBe(L * S);
    expect(got.flops).toBe(4 * L * S * d + 4 * L * S + L * d); // two products; max, sub, exp, sum; div
    expect(got.bytes).toBe(4 * (S * d + 3 * L * S + L + L * d + L + L * d));
    expect(got.outputs).toEqual({ y: [L, d] });
  });

  test.each<[string, Only, Shape, Shape]>([
    ["broadcast", (o, x, w) => o.add(x, w), [2, 3], [2]],
    ["broadcast to 0", (o, x, w) => o.mul(x, w), [0], [2]],
    ["broadcast of three", (o, x, w) => o.where(x, w, x), [2], [3]],
    ["axis", (o, x) => o.sum(x, 2), [2, 3], []],
    ["axis from the end", (o, x) => o.cumsum(x, -3), [2, 3], []],
    ["axis of a scalar", (o, x) => o.max(x, 0), [], []],
    ["slice", (o, x) => o.slice(x, 0, 1, 3), [2], []],
    ["slice, not whole", (o, x) => o.slice(x, 0, 0, 0.5), [2], []],
    ["take", (o, x) => o.take(x, 0, [0, -1]), [2], []],
    ["take from nothing", (o, x) => o.take(x, 0, [0]), [0], []],
    ["concat", (o, x, w) => o.concat([x, w], 0), [2, 3], [2, 4]],
    ["concat of nothing", (o) => o.concat([], 0), [], []],
    ["reshape", (o, x) => o.reshape(x, [5]), [2, 3], []],
    ["reshape, no whole size", (o, x) => o.reshape(x, [4, -1]), [2, 3], []],
    ["reshape, -1 beside 0", (o, x) => o.reshape(x, [0, -1]), [0], []],
    ["transpose", (o, x) => o.transpose(x, [0, -2]), [2, 3], []],
    ["matmul, inner sizes", (o, x, w) => o.matmul(x, w), [2, 3], [2, 3]],
    ["matmul, batches", (o, x, w) => o.matmul(x, w), [2, 1, 1], [3, 1, 1]],
    ["matmul, ranks", (o, x, w) => o.matmul(x, w), [3], [3, 1]],
    ["constant", (o) => o.constant([1], [1, -1]), [], []],
    ["constant of another length", (o) => o.constant([1, 2], [3]), [], []],
  ])("refuses: %s", (_, run, x, w) => {
    let error: unknown;
    try {
      of(run, x, w);
    } catch (e) {
      error = e;
    }
    expect(isAttentionError(error, _.startsWith("constant of") ? "ATTN_DATA" : "ATTN_SHAPE"), String(error)).toBe(true);
  });
});
