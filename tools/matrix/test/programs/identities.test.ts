/** Where two mechanisms are the same function: their oracles, written apart, must agree. */
import type { Head, Matrix } from "@attnkit/core/program";
import { elementwiseReference } from "@attnkit/elementwise/reference";
import { linearReference } from "@attnkit/linear/reference";
import { logsumexpReference } from "@attnkit/logsumexp/reference";
import { polynomialReference } from "@attnkit/polynomial/reference";
import { softmaxReference } from "@attnkit/softmax/reference";
import { describe, expect, test } from "vitest";

const d = 4;
const [q, k, v] = [waves(7, d, 1), waves(9, d, 2), waves(9, 3, 3)];
const block = head(q, k, v);

describe("the same function by two names", () => {
  test("linear with exp features is logsumexp", () => {
    const [a, b] = [linearReference({ featureMap: "exp" })(block), logsumexpReference()(block)];
    agree(a.y, b.y);
    agree([a.lse as number[]], [b.lse as number[]]);
  });
  test("linear with taylor2 features is the polynomial 1 + s + s^2/2, normalised by hand", () => {
    agree(linearReference({ featureMap: "taylor2" })(block).y, byHand([1, 1, 0.5], block));
  });
  test("linear with identity features, normalised, is the polynomial s, normalised by hand", () => {
    agree(linearReference({ featureMap: "identity" })(block).y, byHand([0, 1], block));
  });
  test("un-normalised linear with identity features is polynomial of power 1 times sqrt(N d)", () => {
    const n = 7;
    const sum = linearReference({ featureMap: "identity", normalize: false, scale: 1 / Math.sqrt(n * d) })(block);
    agree(polynomialReference({ power: 1, normalizer: n })(block).y, sum.y);
    const mean = linearReference({ featureMap: (x: readonly number[]) => [...x], normalize: false })(block).y;
    const seen = (i: number) => Math.min(i + 3, k.length);
    agree(
      polynomialReference({ power: 1 })(block).y,
      mean.map((row, i) => row.map((x) => x / Math.sqrt(seen(i) * d))),
    );
  });
  test("elementwise, exact, is softmax of 2qk - k^2 in each channel", () => {
    const values = waves(9, d, 4);
    const { y, lse } = elementwiseReference({ order: "exact" })(head(q, k, values));
    for (let c = 0; c < d; c++) {
      const channel = head(
        q.map((row) => [2 * row[c]!, -1]),
        k.map((row) => [row[c]!, row[c]! ** 2]),
        values.map((row) => [row[c]!]),
      );
      const softmax = softmaxReference({ scale: 1 })(channel);
      agree(
        y.map((row) => [row[c]!]),
        softmax.y,
      );
      agree([(lse as number[][]).map((row) => row[c]!)], [softmax.lse as number[]]);
    }
  });
  test("with one channel, logsumexp and softmax agree once the query is 1", () => {
    const [ones, keys] = [q.map(() => [1]), k.map((row) => [row[0]!])];
    agree(logsumexpReference()(head(ones, keys, v)).y, softmaxReference()(head(ones, keys, v)).y);
  });
});

describe("limits", () => {
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  const distance = (a: Matrix, b: Matrix) =>
    Math.max(...a.flatMap((row, i) => row.map((x, c) => Math.abs(x - b[i]![c]!))));

  test("polynomials of more Taylor terms, normalised by hand, tend to softmax", () => {
    const exact = softmaxReference()(block).y;
    const error = (terms: number) =>
      distance(
        byHand(
          Array.from({ length: terms }, (_, m) => 1 / factorial(m)),
          block,
        ),
        exact,
      );
    const errors = [3, 5, 9, 19].map(error);
    for (const [n, e] of errors.slice(1).entries()) expect(e).toBeLessThan(errors[n]! / 4);
    expect(errors.at(-1)).toBeLessThan(1e-10);
  });
  test("elementwise series of higher order tend to the exact form", () => {
    const near = head(q, k, waves(9, d, 4));
    const exact = elementwiseReference({ order: "exact" })(near).y;
    const errors = [2, 6, 12, 24].map((order) => distance(elementwiseReference({ order })(near).y, exact));
    for (const [n, e] of errors.slice(1).entries()) expect(e).toBeLessThan(errors[n]! / 4);
    expect(errors.at(-1)).toBeLessThan(1e-10);
  });
});

test("agree rejects a last-digit difference, NaN and a missing row", () => {
  for (const wrong of [[[1 + 1e-9]], [[Number.NaN]], [], [[1, 1]]]) expect(() => agree(wrong, [[1]])).toThrow();
  agree([[1]], [[1]]);
});

/** A polynomial kernel with its row sums divided out, as the mechanism itself does not do. */
function byHand(coefficients: number[], { q, k, v, ...rest }: Head): number[][] {
  const { y } = polynomialReference({ coefficients })({ q, k, v: v.map((row) => [...row, 1]), ...rest });
  return y.map((row) => row.slice(0, -1).map((x) => x / row.at(-1)!));
}

/** Rows see the keys up to two past their own, so that every row sees several and few see all. */
function head(q: Matrix, k: Matrix, v: Matrix): Head {
  return { q, k, v, visible: (i, j) => j <= i + 2, bias: () => 0, position: (i) => i };
}

/** Fixed numbers in -1..1 without a pattern that a formula could share. */
function waves(rows: number, columns: number, seed: number): number[][] {
  return Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, c) => Math.sin(1.7 * seed + 12.9898 * i + 78.233 * c)),
  );
}

/** Equal to 1e-11 relative to the largest entry (identity features may divide by small sums). */
function agree(got: Matrix, expected: Matrix): void {
  expect(got.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  const unit = Math.max(1, ...expected.flat().map(Math.abs));
  for (const [i, row] of expected.entries()) {
    for (const [c, x] of row.entries()) expect(Math.abs(got[i]![c]! - x) / unit, `[${i}][${c}]`).toBeLessThan(1e-11);
  }
}
