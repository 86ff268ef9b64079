import type { Matrix } from "@attnkit/core/program";
import { describe, expect, test } from "vitest";
import { allowanceUsed, causal, expectClose, gaussian, head } from "../../../core/test/head.ts";
import { polynomialReference } from "../src/reference.ts";
import { worked } from "./worked.ts";

const times = (m: Matrix, a: number) => m.map((row) => row.map((x) => a * x));

describe("worked example", () => {
  const { q, k, v } = worked;
  test.each([1, 2, 3] as const)("power %d, N = 4", (power) => {
    const reference = polynomialReference({ power, normalizer: 4 });
    expectClose(reference(head(q, k, v)).y, worked[`power${power}`].full, 1e-11);
    expectClose(reference(head(q, k, v, causal)).y, worked[`power${power}`].causal, 1e-11);
  });
  test("power 3, N = visible keys", () => {
    const reference = polynomialReference({ power: 3 });
    expectClose(reference(head(q, k, v)).y, worked.visible3.full, 1e-11);
    expectClose(reference(head(q, k, v, causal)).y, worked.visible3.causal, 1e-11);
  });
  test("the default is power 2, visible", () => {
    expectClose(polynomialReference()(head(q, k, v)).y, worked.power2.full, 1e-11);
  });
});

describe("identities", () => {
  const draw = gaussian(4);
  const [q, k, v] = [draw(5, 4), draw(9, 4), draw(9, 3)];
  const block = head(q, k, v);

  test.each([1, 2, 3, 4])("power %d is homogeneous in q and even or odd in k", (power) => {
    const reference = polynomialReference({ power });
    const { y } = reference(block);
    expectClose(reference(head(times(q, 1.5), k, v)).y, times(y, 1.5 ** power));
    expectClose(reference(head(q, times(k, -1), v)).y, times(y, (-1) ** power));
  });
  test("every key twice: factor sqrt 2 with N visible, 2 with N fixed", () => {
    const twice = head(q, [...k, ...k], [...v, ...v]);
    const [visible, fixed] = [polynomialReference({ power: 3 }), polynomialReference({ normalizer: 7 })];
    expectClose(visible(twice).y, times(visible(block).y, Math.SQRT2));
    expectClose(fixed(twice).y, times(fixed(block).y, 2));
    expectClose(fixed(block).y, times(polynomialReference()(block).y, Math.sqrt(9 / 7)));
  });
  test("coefficients add up powers", () => {
    const powers = [1, 2, 3].map((power) => polynomialReference({ power })(block).y);
    const mixed = polynomialReference({ coefficients: [0, 2, -0.5, 0.25] })(block).y;
    expectClose(
      mixed,
      q.map((_, i) => v[0]!.map((_, f) => 2 * powers[0]![i]![f]! - powers[1]![i]![f]! / 2 + powers[2]![i]![f]! / 4)),
    );
    const constant = polynomialReference({ coefficients: [3] })(block).y;
    const column = v[0]!.map((_, f) => v.reduce((sum, row) => sum + row[f]!, 0));
    expectClose(
      constant,
      q.map(() => column.map((x) => (3 * x) / Math.sqrt(9))),
    );
  });
  test("the bias is inside the power: (s + b)^2 = b^2 + 2 b s + s^2", () => {
    const b = 0.7;
    const biased = polynomialReference()(
      head(
        q,
        k,
        v,
        () => true,
        () => b,
      ),
    ).y;
    expectClose(biased, polynomialReference({ coefficients: [b * b, 2 * b, 1] })(block).y);
  });
  test("power 3, by hand", () => {
    const { y, lse } = polynomialReference({ power: 3 })(
      head(
        [[2, 0, 0, 0]],
        [
          [3, 9, 9, 9],
          [-1, 0, 0, 0],
        ],
        [[1], [10]],
      ),
    );
    expectClose(y, [[(27 - 10) / Math.SQRT2]]);
    expect(lse).toBeUndefined();
  });
});

describe("edges", () => {
  test("a row without keys is 0, and unseen keys may hold anything", () => {
    const bad = [[Number.NaN], [Number.POSITIVE_INFINITY], [1]];
    const { y, scale } = polynomialReference()(head([[1], [2]], bad, bad, (i, j) => i === 1 && j === 2));
    expect(y).toEqual([[0], [4]]);
    expect(scale[0]).toEqual([0]);
  });
});

/** The recurrence over power features (products of sorted index tuples), every step rounded by `round`. */
function streamed(round: (x: number) => number, power: number, q: Matrix, k: Matrix, v: Matrix): number[][] {
  const d = q[0]!.length;
  const tuples = (p: number, from = 0): number[][] =>
    p === 0
      ? [[]]
      : Array.from({ length: d - from }, (_, n) => tuples(p - 1, from + n).map((t) => [from + n, ...t])).flat();
  const all = tuples(power);
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  /** How many orders of a tuple look the same. */
  const repeats = all.map((t) => [...new Set(t)].reduce((p, c) => p * factorial(t.filter((x) => x === c).length), 1));
  const phi = (x: readonly number[]) =>
    all.map((t, n) => t.reduce((p, c) => round(p * x[c]!), round(Math.sqrt(factorial(power) / repeats[n]!))));
  const S = all.map(() => v[0]!.map(() => 0));
  return q.map((row, i) => {
    for (const [r, x] of phi(k[i]!).entries()) S[r] = S[r]!.map((s, f) => round(s + round(x * v[i]![f]!)));
    const features = phi(row);
    const factor = round(1 / (d ** (power / 2) * Math.sqrt(i + 1)));
    return v[0]!.map((_, f) => round(factor * features.reduce((sum, x, r) => round(sum + round(x * S[r]![f]!)), 0)));
  });
}

/** Score, power, sum: the quadratic form, every step rounded by `round`. */
function quadratic(round: (x: number) => number, power: number, q: Matrix, k: Matrix, v: Matrix): number[][] {
  const root = round(1 / Math.sqrt(q[0]!.length));
  return q.map((row, i) => {
    const weights = k.slice(0, i + 1).map((key) => {
      const s = round(root * row.reduce((sum, x, c) => round(sum + round(x * key[c]!)), 0));
      return Array(power)
        .fill(s)
        .reduce((p, x) => round(p * x), 1);
    });
    return v[0]!.map((_, f) =>
      round(weights.reduce((sum, w, j) => round(sum + round(w * v[j]![f]!)), 0) / Math.fround(Math.sqrt(i + 1))),
    );
  });
}

describe("error scale", () => {
  test("by hand", () => {
    const row = head([[3, 1, 0, 0]], [[2, -2, 0, 0]], [[-5]], undefined, () => -1);
    const { y, scale } = polynomialReference({ coefficients: [1, -2, 3] })(row);
    // s = 3 - 1 - 1 from terms of size 5.
    expectClose(y, [[-5 * (1 - 2 + 3)]]);
    expectClose(scale, [[5 * (1 + 2 * 2 * 5 + 3 * 3 * 25) + 10]]);
  });
  test.each([
    [1, 1],
    [2, 1],
    [2, 30],
    [3, 1],
    [3, 30],
  ])("covers both forms in float32 at power %d on inputs of size %d, and not by far too much", (power, size) => {
    const draw = gaussian(11 * power + size);
    const [q, k, v] = [draw(33, 12, size), draw(33, 12, size), draw(33, 4)];
    const { y, scale } = polynomialReference({ power })(head(q, k, v, causal));
    for (const form of [streamed, quadratic]) {
      const unit = Math.max(...y.flat().map(Math.abs));
      expectClose(
        times(
          form((x) => x, power, q, k, v),
          1 / unit,
        ),
        times(y, 1 / unit),
        1e-7,
      );
      const used = allowanceUsed(form(Math.fround, power, q, k, v), y, scale, 33 + 12);
      expect(used).toBeLessThan(0.2);
      expect(used).toBeGreaterThan(4e-3);
    }
  });
});
