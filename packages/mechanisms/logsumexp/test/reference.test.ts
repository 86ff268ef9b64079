import type { Matrix } from "@attnkit/core/program";
import { describe, expect, test } from "vitest";
import { allowanceUsed, causal, expectClose, gaussian, head } from "../../../core/test/head.ts";
import { logsumexpReference } from "../src/reference.ts";
import { worked } from "./worked.ts";

const reference = logsumexpReference();
const logs = logsumexpReference({ logValues: true });

test("worked example", () => {
  const { q, k, v } = worked;
  expectClose(reference(head(q, k, v)).y, worked.logsumexp.full, 1e-11);
  expectClose(reference(head(q, k, v, causal)).y, worked.logsumexp.causal, 1e-11);
});

describe("identities", () => {
  const draw = gaussian(5);
  const [q, k, v] = [draw(5, 4), draw(9, 4), draw(9, 3)];
  const plain = reference(head(q, k, v));
  const lse = (result: typeof plain) => result.lse as number[];

  test("values of 1 give 1, and outputs stay between the values", () => {
    expectClose(
      reference(
        head(
          q,
          k,
          v.map(() => [1]),
        ),
      ).y,
      q.map(() => [1]),
    );
    for (const row of plain.y) {
      for (const [f, y] of row.entries()) {
        const column = v.map((x) => x[f]!);
        expect(y).toBeGreaterThan(Math.min(...column));
        expect(y).toBeLessThan(Math.max(...column));
      }
    }
  });
  test("a number added to a whole query only moves its lse", () => {
    const moved = reference(
      head(
        q.map((row, i) => row.map((x) => x + i)),
        k,
        v,
      ),
    );
    expectClose(moved.y, plain.y);
    expectClose([lse(moved)], [lse(plain).map((x, i) => x + i)]);
  });
  test("a number added to a channel of all keys and taken from all queries changes nothing", () => {
    const b = [3, -1, 0.5, 7];
    const shift = (m: Matrix, sign: number) => m.map((row) => row.map((x, c) => x + sign * b[c]!));
    const moved = reference(head(shift(q, -1), shift(k, 1), v));
    expectClose(moved.y, plain.y);
    expectClose([lse(moved)], [lse(plain)]);
  });
  test("a number added to one key reweights that key", () => {
    const moved = k.map((row, j) => (j === 2 ? row.map((x) => x + Math.log(2)) : row));
    expectClose(reference(head(q, moved, v)).y, reference(head(q, [...k, k[2]!], [...v, v[2]!])).y);
  });
  test("with one channel the query does not matter", () => {
    const { y } = reference(head([[0], [5]], [[Math.log(3)], [0]], [[1], [5]]));
    expectClose(y, [[2], [2]]);
  });
  test("outputs over two halves of the keys merge by lse", () => {
    const a = reference(head(q, k, v, (_, j) => j < 4));
    const b = reference(head(q, k, v, (_, j) => j >= 4));
    const share = (half: typeof plain, i: number) => Math.exp(lse(half)[i]! - lse(plain)[i]!);
    const merged = plain.y.map((row, i) => row.map((_, f) => share(a, i) * a.y[i]![f]! + share(b, i) * b.y[i]![f]!));
    expectClose(merged, plain.y);
  });
  test("log values: log of the mean of exp, between the smallest and the largest log value", () => {
    const exps = v.map((row) => row.map(Math.exp));
    const { y } = logs(head(q, k, v));
    expectClose(
      y,
      reference(head(q, k, exps)).y.map((row) => row.map(Math.log)),
    );
    for (const row of y) for (const x of row) expect(Math.abs(x)).toBeLessThan(Math.max(...v.flat().map(Math.abs)));
  });
});

describe("edges", () => {
  const bad = [[Number.NaN], [Number.POSITIVE_INFINITY], [1]];
  const block = head([[1], [1]], bad, bad, (i, j) => i === 1 && j === 2);
  test("a row without keys is 0 (log values: -Infinity) with lse -Infinity, and unseen keys may hold anything", () => {
    expect(reference(block)).toMatchObject({ y: [[0], [1]], lse: [Number.NEGATIVE_INFINITY, 2] });
    expect(reference(block).scale[0]).toEqual([0]);
    expect(logs(block)).toMatchObject({ y: [[Number.NEGATIVE_INFINITY], [1]], lse: [Number.NEGATIVE_INFINITY, 2] });
    expect(logs(block).scale[0]).toEqual([0]);
  });
  test("a value of 0 is a log value of -Infinity", () => {
    const { y, scale } = logs(
      head(
        [[0]],
        [[0], [0]],
        [
          [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
          [0, -Infinity],
        ],
      ),
    );
    expectClose(y, [[-Math.LN2, Number.NEGATIVE_INFINITY]]);
    expect(scale[0]![0]).toBeGreaterThan(0);
    expect(scale[0]![1]).toBe(0);
  });
  test("exact where exp overflows, also beside a query entry of 800 (a global shift would lose the other rows)", () => {
    const { y, lse } = reference(
      head(
        [
          [1e3, -1e3],
          [0, 0],
          [-1e3, -1e3],
        ],
        [
          [1e3, 0],
          [0, 1e3],
        ],
        [[5], [7]],
      ),
    );
    expectClose(y, [[5], [6], [6]]);
    expectClose([lse as number[]], [[2000, 1000 + Math.LN2, Math.LN2]]);
  });
});

/** The state (m, z, s) per channel: running maximum, and sums of exp(k - m) and exp(k - m) v, rounded by `round`. */
function streamed(round: (x: number) => number, q: Matrix, k: Matrix, v: Matrix, logValues: boolean): number[][] {
  const exp = (x: number) => round(Math.exp(round(x)));
  const value = (x: number) => (logValues ? exp(x) : x);
  const m = k[0]!.map(() => Number.NEGATIVE_INFINITY);
  const z = k[0]!.map(() => 0);
  const s = k[0]!.map(() => v[0]!.map(() => 0));
  return q.map((row, i) => {
    for (const [c, x] of k[i]!.entries()) {
      const peak = Math.max(m[c]!, x);
      const [a, b] = [exp(m[c]! - peak), exp(x - peak)];
      m[c] = peak;
      z[c] = round(round(z[c]! * a) + b);
      s[c] = s[c]!.map((t, f) => round(round(t * a) + round(b * value(v[i]![f]!))));
    }
    const depth = row.map((x, c) => round(x + m[c]!));
    const top = Math.max(...depth);
    const w = depth.map((x) => exp(x - top));
    const dot = (xs: readonly number[]) => w.reduce((sum, x, c) => round(sum + round(x * xs[c]!)), 0);
    return v[0]!.map((_, f) => {
      const y = round(dot(s.map((t) => t[f]!)) / dot(z));
      return logValues ? round(Math.log(y)) : y;
    });
  });
}

describe("error scale", () => {
  test("by hand", () => {
    const { y, scale, lseScale } = reference(head([[2]], [[3], [-1]], [[1], [0]]));
    const [w, x] = [y[0]![0]!, 1 - y[0]![0]!];
    // Exponents 5 and 1 lose 2 + 3 and 2 + 1 units; the second is 4 below the peak.
    expectClose(scale, [[w * (1 + w + 5 * x) + x * (w + (3 + 4) * w) + w]]);
    expectClose([lseScale as number[]], [[1 + 5 * w + (3 + 4) * x]]);
  });
  test.each([
    [1, false],
    [10, false],
    [300, false],
    [1, true],
    [10, true],
  ])(
    "covers the float32 recurrence on inputs of size %d, log values %s, and not by far too much",
    (size, logValues) => {
      const draw = gaussian(size + 1);
      const [q, k, v] = [draw(65, 16, size), draw(65, 16, size), draw(65, 8)];
      const { y, scale } = logsumexpReference({ logValues })(head(q, k, v, causal));
      expectClose(
        streamed((x) => x, q, k, v, logValues),
        y,
        1e-9,
      );
      const used = allowanceUsed(streamed(Math.fround, q, k, v, logValues), y, scale, 65 + 16);
      expect(used).toBeLessThan(0.2);
      expect(used).toBeGreaterThan(4e-3);
    },
  );
});
