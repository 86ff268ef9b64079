import type { Matrix } from "@attnkit/core/program";
import { describe, expect, test } from "vitest";
import { allowanceUsed, causal, expectClose, gaussian, head } from "../../../core/test/head.ts";
import { softmaxReference } from "../src/reference.ts";
import { worked } from "./worked.ts";

const reference = softmaxReference();

describe("worked example", () => {
  const { q, k, v } = worked;
  test("all keys", () => expectClose(reference(head(q, k, v)).y, worked.softmax.full, 1e-11));
  test("causal", () => expectClose(reference(head(q, k, v, causal)).y, worked.softmax.causal, 1e-11));
});

describe("identities", () => {
  const draw = gaussian(1);
  const [q, k, v] = [draw(5, 4), draw(9, 4), draw(9, 3)];
  const plain = reference(head(q, k, v));

  test("values of 1 give 1, and outputs stay between the smallest and the largest value", () => {
    const ones = v.map((row) => row.map(() => 1));
    expectClose(
      reference(head(q, k, ones)).y,
      q.map(() => [1, 1, 1]),
    );
    for (const row of plain.y) {
      for (const [f, y] of row.entries()) {
        const column = v.map((x) => x[f]!);
        expect(y).toBeGreaterThan(Math.min(...column));
        expect(y).toBeLessThan(Math.max(...column));
      }
    }
  });
  test("a vector added to every key changes nothing but lse", () => {
    const moved = k.map((row) => row.map((x, c) => x + [1, -2, 0.5, 3][c]!));
    expectClose(reference(head(q, moved, v)).y, plain.y);
  });
  test("scale multiplies q", () => {
    const scaled = softmaxReference({ scale: 0.8 })(head(q, k, v));
    const expected = reference(
      head(
        q.map((row) => row.map((x) => x * 0.8 * 2)),
        k,
        v,
      ),
    );
    expectClose(scaled.y, expected.y);
    expectClose([scaled.lse as number[]], [expected.lse as number[]]);
  });
  test("a bias of log 2 counts a key twice", () => {
    const biased = reference(
      head(
        q,
        k,
        v,
        () => true,
        (_, j) => (j === 3 ? Math.log(2) : 0),
      ),
    );
    const twice = reference(head(q, [...k, k[3]!], [...v, v[3]!]));
    expectClose(biased.y, twice.y);
    expectClose([biased.lse as number[]], [twice.lse as number[]]);
  });
  test("outputs over two halves of the keys merge by lse", () => {
    const a = reference(head(q, k, v, (_, j) => j < 4));
    const b = reference(head(q, k, v, (_, j) => j >= 4));
    const merged = plain.y.map((row, i) => {
      const [x, y] = [a, b].map((half) => Math.exp((half.lse as number[])[i]! - (plain.lse as number[])[i]!));
      return row.map((_, f) => x! * a.y[i]![f]! + y! * b.y[i]![f]!);
    });
    expectClose(merged, plain.y);
  });
  test("lse of n equal keys is their score plus log n", () => {
    const { lse } = reference(head([[3, 4]], Array(6).fill([1, 2]), Array(6).fill([1])));
    expectClose([lse as number[]], [[11 / Math.SQRT2 + Math.log(6)]]);
  });
});

describe("options", () => {
  test("softcap squashes the score before the bias", () => {
    const capped = softmaxReference({ softcap: 2, scale: 1 })(
      head([[10]], [[1], [-0.1]], [[1], [0]], undefined, (_, j) => j / 4),
    );
    const scores = [2 * Math.tanh(5), 2 * Math.tanh(-0.5) + 0.25];
    expectClose(capped.y, [[1 / (1 + Math.exp(scores[1]! - scores[0]!))]]);
    const draw = gaussian(2);
    const [q, k, v] = [draw(3, 4), draw(7, 4), draw(7, 2)];
    expectClose(softmaxReference({ softcap: 1e7 })(head(q, k, v)).y, reference(head(q, k, v)).y, 1e-10);
  });
  test.each([
    [[0, 0], [1]],
    [
      [2, 0],
      [1, 1, 1],
    ],
    [
      [1, 2],
      [1, 1, 1, 1],
    ],
    [
      [-1, 1],
      [1, 1, 1, 1, 1, 1, 1],
    ],
    [[null, Number.POSITIVE_INFINITY], Array(9).fill(1)],
    [[3, -1], Array(7).fill(1)],
  ] as const)("window %j of the sixth of nine queries", (window, seen) => {
    const zeros = Array<number[]>(9).fill([0]);
    const { lse } = softmaxReference({ window })(
      head(
        zeros,
        zeros,
        zeros.map(() => [1]),
      ),
    );
    expect(Math.exp((lse as number[])[5]!)).toBeCloseTo(seen.length, 10);
  });
  test("a window is measured from the query's position", () => {
    const v = [0, 1, 2, 3, 4].map((x) => [x]);
    const row = { ...head([[0]], Array(5).fill([0]), v), position: () => 3 };
    expectClose(softmaxReference({ window: [1, 0] })(row).y, [[2.5]]);
  });
});

describe("edges", () => {
  test("a row without keys is 0 with lse -Infinity, and unseen keys may hold anything", () => {
    const bad = [[Number.NaN], [Number.POSITIVE_INFINITY], [1]];
    const { y, scale, lse } = reference(head([[1], [1]], bad, bad, (i, j) => i === 1 && j === 2));
    expect(y).toEqual([[0], [1]]);
    expect(scale[0]).toEqual([0]);
    expect(lse).toEqual([Number.NEGATIVE_INFINITY, 1]);
  });
  test("exact where exp of the score overflows", () => {
    const { y, lse } = reference(head([[1e3], [-1e3]], [[1e3], [-1e3]], [[5], [7]]));
    expect(y).toEqual([[5], [7]]);
    expect(lse).toEqual([1e6, 1e6]);
  });
});

/** Softmax as a stream of keys (running maximum, denominator, numerator), every step rounded by `round`. */
function streamed(round: (x: number) => number, q: Matrix, k: Matrix, v: Matrix, cap?: number): number[][] {
  return q.map((row, i) => {
    let [m, l, o] = [Number.NEGATIVE_INFINITY, 0, v[0]!.map(() => 0)];
    for (let j = 0; j <= i; j++) {
      let score = 0;
      for (const [c, x] of row.entries()) score = round(score + round(x * k[j]![c]!));
      score = round(score * round(1 / Math.sqrt(row.length)));
      if (cap) score = round(cap * round(Math.tanh(round(score / cap))));
      const peak = Math.max(m, score);
      const [old, fresh] = [round(Math.exp(round(m - peak))), round(Math.exp(round(score - peak)))];
      l = round(round(l * old) + fresh);
      o = o.map((x, f) => round(round(x * old) + round(fresh * v[j]![f]!)));
      m = peak;
    }
    return o.map((x) => round(x / l));
  });
}

describe("error scale", () => {
  test("by hand", () => {
    const { y, scale, lseScale } = reference(head([[2]], [[3], [0]], [[1], [0]]));
    const [w, x] = [y[0]![0]!, 1 - y[0]![0]!];
    // Scores 6 and 0, each losing its size; the second is 6 below the peak.
    expectClose(scale, [[w * (1 + w + 6 * x) + x * (w + (0 + 6) * w) + w]]);
    expectClose([lseScale as number[]], [[1 + 6]]);
  });
  test.each([
    [1, undefined],
    [10, undefined],
    [30, undefined],
    [10, 5],
    [30, 50],
  ])("covers a float32 stream of inputs of size %d, softcap %s, and not by far too much", (size, softcap) => {
    const draw = gaussian(size);
    const [q, k, v] = [draw(65, 16, size), draw(65, 16, size), draw(65, 8)];
    const { y, scale } = softmaxReference({ softcap })(head(q, k, v, causal));
    expectClose(
      streamed((x) => x, q, k, v, softcap),
      y,
      1e-9,
    );
    const used = allowanceUsed(streamed(Math.fround, q, k, v, softcap), y, scale, 65 + 16);
    expect(used).toBeLessThan(0.2);
    expect(used).toBeGreaterThan(4e-3);
  });
});
