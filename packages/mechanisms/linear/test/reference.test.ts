import type { Matrix } from "@attnkit/core/program";
import { describe, expect, test } from "vitest";
import { allowanceUsed, causal, expectClose, gaussian, head } from "../../../core/test/head.ts";
import { linearReference } from "../src/reference.ts";
import { worked } from "./worked.ts";

const maps = ["elu1", "relu", "exp", "taylor2"] as const;

describe("worked example", () => {
  const { q, k, v } = worked;
  test.each(maps)("%s", (featureMap) => {
    const reference = linearReference({ featureMap });
    // The example adds 1e-6 to the denominator of relu.
    const tolerance = featureMap === "relu" ? 1e-5 : 1e-11;
    expectClose(reference(head(q, k, v)).y, worked[featureMap].full, tolerance);
    expectClose(reference(head(q, k, v, causal)).y, worked[featureMap].causal, tolerance);
  });
  test("relu, by hand", () => {
    // phi(q0) = (0.5, 0), so the weights are 0.5 times the first channels 0.25, 0, 1.5, 0 of phi(k).
    const { y, lse } = linearReference({ featureMap: "relu" })(head(q, k, v));
    expectClose([y[0]!], [[(0.25 * 1 + 1.5 * 0.5) / 1.75, (0.25 * 2 - 1.5 * 3) / 1.75]]);
    expectClose([[(lse as number[])[0]!]], [[Math.log(0.875)]]);
  });
});

const draw = gaussian(3);
const [q, k, v] = [draw(5, 4), draw(9, 4), draw(9, 3)];

describe("feature maps", () => {
  /** Features as tables, for the kernels that the reference writes as sums. */
  const explicit: Record<string, (x: readonly number[]) => number[]> = {
    elu1: (x) => x.map((a) => (a > 0 ? a + 1 : Math.exp(a))),
    relu: (x) => x.map((a) => Math.max(a, 0)),
    exp: (x) => x.map(Math.exp),
    identity: (x) => [...x],
    taylor2: (x) => {
      const s = x.map((a) => a / x.length ** 0.25);
      const squares = s.flatMap((a, i) =>
        s.flatMap((b, j) => (i === j ? [a ** 2 / Math.SQRT2] : i < j ? [a * b] : [])),
      );
      return [1, ...s, ...squares];
    },
  };
  test.each(Object.keys(explicit))("%s is the dot product of its features", (featureMap) => {
    for (const normalize of [true, false]) {
      const got = linearReference({ featureMap, normalize })(head(q, k, v));
      const expected = linearReference({ featureMap: explicit[featureMap]!, normalize })(head(q, k, v));
      expectClose(got.y, expected.y);
    }
  });
  test("elu1 of negative numbers is exp, also where both underflow", () => {
    const below = (m: Matrix) => m.map((row) => row.map((x) => -Math.abs(x) * 300));
    const block = head(below(q), below(k), v);
    expectClose(linearReference()(block).y, linearReference({ featureMap: "exp" })(block).y);
  });
  test("exp does not see a number added to a whole query", () => {
    const exp = linearReference({ featureMap: "exp" });
    const moved = q.map((row, i) => row.map((x) => x + 400 * (i - 2)));
    expectClose(exp(head(moved, k, v)).y, exp(head(q, k, v)).y, 1e-11);
  });
  test("relu does not see a positive factor on a query", () => {
    const relu = linearReference({ featureMap: "relu" });
    const longer = q.map((row) => row.map((x) => x * 3));
    expectClose(relu(head(longer, k, v)).y, relu(head(q, k, v)).y);
  });
});

describe("identities", () => {
  test.each(maps)("%s: values of 1 give 1, and outputs stay between the values", (featureMap) => {
    const reference = linearReference({ featureMap });
    const row = q.map(() => [1, 1, 1]);
    const ones = v.map(() => [1, 1, 1]);
    expectClose(reference(head(q, k, ones)).y, row);
    for (const out of reference(head(q, k, v)).y) {
      for (const [f, y] of out.entries()) {
        const column = v.map((x) => x[f]!);
        expect(y).toBeGreaterThan(Math.min(...column));
        expect(y).toBeLessThan(Math.max(...column));
      }
    }
  });
  test.each(maps)("%s: outputs over two halves of the keys merge by lse", (featureMap) => {
    const reference = linearReference({ featureMap });
    const [all, a, b] = [() => true, (_: number, j: number) => j < 4, (_: number, j: number) => j >= 4].map((see) =>
      reference(head(q, k, v, see)),
    );
    const share = (half: typeof a, i: number) => Math.exp((half!.lse as number[])[i]! - (all!.lse as number[])[i]!);
    const merged = all!.y.map((row, i) => row.map((_, f) => share(a, i) * a!.y[i]![f]! + share(b, i) * b!.y[i]![f]!));
    expectClose(merged, all!.y);
  });
  test("scale multiplies the weights: y only un-normalised, lse always", () => {
    for (const featureMap of maps) {
      const [one, three] = [1, 3].map((scale) => linearReference({ featureMap, scale })(head(q, k, v)));
      expectClose(three!.y, one!.y);
      expectClose([three!.lse as number[]], [(one!.lse as number[]).map((x) => x + Math.log(3))]);
      const [raw, thrice] = [1, 3].map((scale) =>
        linearReference({ featureMap, scale, normalize: false })(head(q, k, v)),
      );
      expectClose(
        thrice!.y,
        raw!.y.map((row) => row.map((x) => 3 * x)),
      );
      expect(raw!.lse).toBeUndefined();
    }
  });
});

describe("edges", () => {
  test("a denominator of exactly 0 gives 0", () => {
    const dead = linearReference({ featureMap: "relu" })(
      head(
        [[-1, -1]],
        k.map((x) => x.slice(2)),
        v,
      ),
    );
    expect(dead).toMatchObject({ y: [[0, 0, 0]], scale: [[0, 0, 0]], lse: [Number.NEGATIVE_INFINITY] });
    const signed = linearReference({ featureMap: "identity" })(head([[1]], [[2], [-2]], [[1], [5]]));
    expect(signed).toEqual({ y: [[0]], scale: [[Number.POSITIVE_INFINITY]] });
  });
  test("a row without keys is 0 with lse -Infinity, and unseen keys may hold anything", () => {
    for (const featureMap of maps) {
      const bad = [[Number.NaN], [Number.POSITIVE_INFINITY], [1]];
      const { y, scale, lse } = linearReference({ featureMap })(
        head([[1], [1]], bad, bad, (i, j) => i === 1 && j === 2),
      );
      expect(y).toEqual([[0], [1]]);
      expect(scale[0]).toEqual([0]);
      expect((lse as number[])[0]).toBe(Number.NEGATIVE_INFINITY);
    }
  });
  test("exact where features overflow", () => {
    const { y, lse } = linearReference({ featureMap: "exp" })(
      head(
        [[1e3, -1e3]],
        [
          [1e3, 0],
          [-1e3, 1e3],
        ],
        [[5], [7]],
      ),
    );
    expect(y).toEqual([[5]]);
    expect(lse).toEqual([2000]);
  });
});

/** The recurrence S += phi(k) v, z += phi(k), y = phi(q) S / phi(q) z, every step rounded by `round`. */
function streamed(round: (x: number) => number, map: string, q: Matrix, k: Matrix, v: Matrix, normalize: boolean) {
  const root = (d: number) => round(d ** 0.25);
  const phi = (x: readonly number[]): number[] => {
    if (map === "elu1") return x.map((a) => round(a > 0 ? a + 1 : Math.exp(a)));
    if (map === "relu") return x.map((a) => Math.max(a, 0));
    if (map === "exp") return x.map((a) => round(Math.exp(a)));
    if (map === "identity") return [...x];
    const s = x.map((a) => round(a / root(x.length)));
    const square = (a: number, i: number) =>
      s.slice(i).map((b, n) => round(round(a * b) * (n === 0 ? round(Math.SQRT1_2) : 1)));
    return [1, ...s, ...s.flatMap(square)];
  };
  const add = (a: number, b: number, c: number) => round(a + round(b * c));
  const r = phi(k[0]!).length;
  const S = Array.from({ length: r }, () => v[0]!.map(() => 0));
  const z = Array<number>(r).fill(0);
  return q.map((row, i) => {
    for (const [c, x] of phi(k[i]!).entries()) {
      S[c] = S[c]!.map((s, f) => add(s, x, v[i]![f]!));
      z[c] = round(z[c]! + x);
    }
    const features = phi(row);
    const den = features.reduce((sum, x, c) => add(sum, x, z[c]!), 0);
    return v[0]!.map((_, f) => {
      const num = features.reduce((sum, x, c) => add(sum, x, S[c]![f]!), 0);
      if (!normalize) return num;
      return den === 0 ? 0 : round(num / den);
    });
  });
}

describe("error scale", () => {
  test("by hand", () => {
    const block = head([[2]], [[3], [-1]], [[1], [0]]);
    const { y, scale, lseScale } = linearReference({ featureMap: "exp" })(block);
    const [w, x] = [y[0]![0]!, 1 - y[0]![0]!];
    // exp(2) exp(3) and exp(2) exp(-1) lose 2 + 3 and 2 + 1 units.
    expectClose(scale, [[w * (1 + w + 5 * x) + x * (w + 3 * w) + w]]);
    expectClose([lseScale as number[]], [[1 + 5 * w + 3 * x]]);
    const sum = linearReference({ featureMap: "exp", normalize: false })(block);
    expectClose(sum.scale, [[(1 + 5 + 1) * Math.exp(5)]]);
  });
  test("no promise once a signed denominator loses 16 of float32's 24 bits", () => {
    const identity = linearReference({ featureMap: "identity" });
    const scale = (rest: number) => identity(head([[1, 1]], [[1, -1 + rest]], [[1]])).scale[0]![0]!;
    // Both sums add |1| and |-1 + rest|; y is 1.
    expectClose([[scale(2 ** -14)]], [[2 * (2 ** 15 - 1) + 1]]);
    expect(scale(2 ** -16)).toBe(Number.POSITIVE_INFINITY);
  });
  const cases = [
    ["elu1", 1],
    ["elu1", 8],
    ["relu", 30],
    ["exp", 1],
    ["exp", 8],
    ["taylor2", 1],
    ["taylor2", 5],
    ["identity", 1],
    ["identity", 30],
  ] as const;
  test.each(cases)(
    "covers a float32 recurrence of %s on inputs of size %d, and not by far too much",
    (featureMap, size) => {
      const draw = gaussian(7 + size);
      const [q, k, v] = [draw(65, 16, size), draw(65, 16, size), draw(65, 8)];
      for (const normalize of [true, false]) {
        const { y, scale } = linearReference({ featureMap, normalize })(head(q, k, v, causal));
        if (featureMap !== "identity") {
          expectClose(
            streamed((x) => x, featureMap, q, k, v, normalize),
            y,
            1e-9,
          );
          expect(Math.max(...scale.flat())).toBeLessThan(Number.POSITIVE_INFINITY);
        }
        const used = allowanceUsed(streamed(Math.fround, featureMap, q, k, v, normalize), y, scale, 65 + 16);
        expect(used).toBeLessThan(0.2);
        expect(used).toBeGreaterThan(4e-3);
      }
    },
  );
});
