import { mechanisms } from "@attnkit/catalog/mechanisms";
import { describe, expect, test } from "vitest";
import { kinds } from "../src/look/kinds.ts";
import { apply, entropy, frobenius, rowOf, weightsOf } from "../src/look/weights.ts";

const [n, d] = [5, 3];
const matrix = (seed: number) =>
  Array.from({ length: n }, (_, i) => Array.from({ length: d }, (_, c) => Math.sin(seed + 7 * i + 3 * c)));
const [q, k, v] = [matrix(1), matrix(2), matrix(3)];
const reference = (name: string, options = {}) => mechanisms.find((m) => m.name === name)!.reference(options);
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, c) => sum + x * b[c]!, 0);
const normal = (row: readonly number[]) => row.map((w) => w / row.reduce((sum, x) => sum + x, 0));

describe("weights are the formula's", () => {
  const rows = (w: ReturnType<typeof weightsOf>) => q.map((_, i) => rowOf(w, i));
  const by = (score: (i: number, j: number) => number, causal: boolean) =>
    q.map((_, i) => k.flatMap((_, j) => (causal && j > i ? [] : [score(i, j)])));
  const near = (got: number[][], expected: number[][]) => {
    for (const [i, row] of expected.entries()) {
      expect(got[i]!.length).toBe(row.length);
      for (const [j, w] of row.entries()) expect(got[i]![j]!).toBeCloseTo(w, 12);
    }
  };

  test.each([true, false])("softmax and polynomial, causal %s", (causal) => {
    const s = (i: number, j: number) => dot(q[i]!, k[j]!) / Math.sqrt(d);
    const soft = by((i, j) => Math.exp(s(i, j)), causal).map(normal);
    near(rows(weightsOf(reference("softmax"), { q, k, causal })), soft);
    const cubes = by((i, j) => s(i, j) ** 3, causal).map((row) => row.map((w) => w / Math.sqrt(row.length)));
    near(rows(weightsOf(reference("polynomial", { power: 3 }), { q, k, causal })), cubes);
  });

  test("elementwise, the asked channel", () => {
    const expected = by((i, j) => Math.exp(-((q[i]![2]! - k[j]![2]!) ** 2)), true).map(normal);
    near(rows(weightsOf(reference("elementwise", { order: "exact" }), { q, k, causal: true, channel: 2 })), expected);
  });

  test("of every mechanism, times v, are its reference's output", () => {
    for (const { name, perChannel } of kinds) {
      const head = { q, k, v, visible: (i: number, j: number) => j <= i, bias: () => 0, position: (i: number) => i };
      const { y } = reference(name)(head);
      for (let c = 0; c < d; c++) {
        const w = weightsOf(reference(name), { q, k, causal: true, channel: perChannel && c });
        for (const [i, got] of apply(w, v, c).entries()) expect(got, name).toBeCloseTo(y[i]![c]!, 12);
      }
    }
  });
});

test("norm and entropy", () => {
  expect(frobenius({ rows: 1, keys: 3, data: Float64Array.of(3, Number.NaN, -4) })).toBe(5);
  expect(entropy([0.25, 0.25, -0.25, 0.25])).toBeCloseTo(Math.log(4), 14);
  expect(entropy([7])).toBe(0);
  expect(entropy([])).toBe(0);
});

test("there is a picture of every mechanism of the catalog, and its sliders give options that it takes", () => {
  expect(kinds.map(({ name }) => name)).toEqual(mechanisms.map(({ name }) => name));
  for (const { name, params, options } of kinds) {
    const { create } = mechanisms.find((m) => m.name === name)!;
    const defaults = Object.fromEntries(params.map((p) => [p.key, p.fallback]));
    for (const p of params) {
      const ends = p.kind === "number" ? [p.min, p.fallback, p.max] : p.values;
      for (const value of ends) expect(create(options({ ...defaults, [p.key]: value })).name).toBe(name);
    }
  }
});
