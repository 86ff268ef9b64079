import type { Matrix } from "@attnkit/core/program";
import { describe, expect, test } from "vitest";
import { allowanceUsed, causal, expectClose, gaussian, head } from "../../../core/test/head.ts";
import { elementwiseReference } from "../src/reference.ts";
import { worked } from "./worked.ts";

const exact = elementwiseReference({ order: "exact" });

test.each([
  ["exact", "exact"],
  ["order2", 2],
  ["order6", undefined],
] as const)("worked example, %s", (name, order) => {
  const reference = elementwiseReference(order === undefined ? {} : { order });
  const { q, k, v } = worked;
  expectClose(reference(head(q, k, v)).y, worked[name].full, 1e-11);
  expectClose(reference(head(q, k, v, causal)).y, worked[name].causal, 1e-11);
});

describe("identities", () => {
  const draw = gaussian(6);
  const [q, k, v] = [draw(5, 4), draw(9, 4), draw(9, 4)];
  const times = (m: Matrix, a: number) => m.map((row) => row.map((x) => a * x));
  const orders = [2, 4, 6, 8, "exact"] as const;

  test.each(orders)(
    "order %s: values of 1 give 1, outputs stay between the values, one key gives its value",
    (order) => {
      const reference = elementwiseReference({ order });
      const ones = (m: Matrix) => m.map((row) => row.map(() => 1));
      expectClose(reference(head(q, k, ones(v))).y, ones(q));
      for (const row of reference(head(q, k, v)).y) {
        for (const [f, y] of row.entries()) {
          const column = v.map((x) => x[f]!);
          expect(y).toBeGreaterThan(Math.min(...column));
          expect(y).toBeLessThan(Math.max(...column));
        }
      }
      expectClose(
        reference(head(q, k, v, (_, j) => j === 3)).y,
        q.map(() => v[3]!),
      );
    },
  );
  test.each(orders)("order %s: the signs of q and k together do not matter", (order) => {
    const reference = elementwiseReference({ order });
    expectClose(reference(head(times(q, -1), times(k, -1), v)).y, reference(head(q, k, v)).y);
  });
  test.each(orders)("order %s: channels do not see each other", (order) => {
    const reference = elementwiseReference({ order });
    const touch = (m: Matrix) => m.map((row) => row.map((x, c) => (c === 2 ? x + 1 : x)));
    const [before, after] = [reference(head(q, k, v)).y, reference(head(touch(q), touch(times(k, 2)), v)).y];
    const others = (m: Matrix) => m.map((row) => [row[0]!, row[1]!, row[3]!]);
    expect(others(reference(head(touch(q), touch(k), v)).y)).toEqual(others(before));
    expect(others(after)).not.toEqual(others(before));
  });
  test.each(orders)("order %s: outputs over two halves of the keys merge by lse", (order) => {
    const reference = elementwiseReference({ order });
    const [all, a, b] = [() => true, (_: number, j: number) => j < 4, (_: number, j: number) => j >= 4].map((see) =>
      reference(head(q, k, v, see)),
    );
    const share = (half: typeof all, i: number, c: number) =>
      Math.exp((half!.lse as number[][])[i]![c]! - (all!.lse as number[][])[i]![c]!);
    const merged = all!.y.map((row, i) =>
      row.map((_, c) => share(a, i, c) * a!.y[i]![c]! + share(b, i, c) * b!.y[i]![c]!),
    );
    expectClose(merged, all!.y);
  });
  test("exact: weights are exp(-(q - k)^2), so only the distance counts", () => {
    const weights = (x: readonly number[], c: number) => k.map((key) => Math.exp(-((x[c]! - key[c]!) ** 2)));
    const { y, lse } = exact(head(q, k, v));
    expectClose(
      y,
      q.map((x) =>
        x.map((_, c) => {
          const w = weights(x, c);
          return w.reduce((sum, a, j) => sum + a * v[j]![c]!, 0) / w.reduce((sum, a) => sum + a, 0);
        }),
      ),
    );
    // lse leaves out exp(-q^2).
    expectClose(
      lse as number[][],
      q.map((x) => x.map((a, c) => Math.log(weights(x, c).reduce((sum, w) => sum + w, 0)) + a ** 2)),
    );
    const move = (m: Matrix) => m.map((row) => row.map((x) => x + 2));
    expectClose(exact(head(move(q), move(k), v)).y, y);
  });
  test("exact: a bias of log 2 counts a key twice", () => {
    const biased = exact(
      head(
        q,
        k,
        v,
        () => true,
        (_, j) => (j === 1 ? Math.log(2) : 0),
      ),
    );
    expectClose(biased.y, exact(head(q, [...k, k[1]!], [...v, v[1]!])).y);
  });
  test("the series tends to the exact form, and moving q and k changes it", () => {
    const near = head(times(q, 0.4), times(k, 0.4), v);
    const error = (order: number) => {
      const { y } = elementwiseReference({ order })(near);
      return Math.max(...exact(near).y.flatMap((row, i) => row.map((x, c) => Math.abs(x - y[i]![c]!))));
    };
    const errors = [2, 6, 12, 20].map(error);
    for (const [n, e] of errors.slice(1).entries()) expect(e).toBeLessThan(errors[n]! / 10);
    expect(errors[3]).toBeLessThan(1e-10);
    const move = (m: Matrix) => m.map((row) => row.map((x) => x + 1));
    const [here, there] = [near, head(move(near.q), move(near.k), v)].map(
      (block) => elementwiseReference()(block).y[0]![0]!,
    );
    expect(Math.abs(here! - there!)).toBeGreaterThan(1e-4);
  });
});

describe("edges", () => {
  test.each([2, 6, "exact"] as const)(
    "order %s: a row without keys is 0, and unseen keys may hold anything",
    (order) => {
      const bad = [[Number.NaN], [Number.POSITIVE_INFINITY], [1]];
      const { y, scale, lse } = elementwiseReference({ order })(
        head([[1], [0]], bad, bad, (i, j) => i === 1 && j === 2),
      );
      expect(y).toEqual([[0], [1]]);
      expect(scale[0]).toEqual([0]);
      expect(lse).toEqual([[Number.NEGATIVE_INFINITY], [-1]]);
    },
  );
  test.each([2, 6, "exact"] as const)("order %s: exact where exp(-k^2) underflows", (order) => {
    const { y } = elementwiseReference({ order })(head([[0], [1e3], [-1e3]], [[1e3], [-1e3], [1001]], [[1], [3], [9]]));
    expect(y[0]![0]).toBeCloseTo(2, 10);
    if (order === "exact") expectClose(y.slice(1), [[(1 + 9 * Math.exp(-1)) / (1 + Math.exp(-1))], [3]]);
    else for (const row of y) expect(row[0]).toBeCloseTo(2, 0);
  });
});

/** The rescaled state (mu, s, z) of powers of k, every step rounded by `round`. */
function streamed(round: (x: number) => number, order: number, q: Matrix, k: Matrix, v: Matrix): number[][] {
  const powers = (x: number) => {
    const all = [1];
    for (let m = 1; m <= order; m++) all.push(round(all[m - 1]! * x));
    return all;
  };
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  const state = k[0]!.map(() => ({
    mu: -1e30,
    s: Array<number>(order + 1).fill(0),
    z: Array<number>(order + 1).fill(0),
  }));
  return q.map((row, i) =>
    row.map((x, c) => {
      const channel = state[c]!;
      const key = k[i]![c]!;
      const exponent = -round(key * key);
      const mu = Math.max(channel.mu, exponent);
      const [old, fresh] = [round(Math.exp(round(channel.mu - mu))), round(Math.exp(round(exponent - mu)))];
      channel.mu = mu;
      const product = round(fresh * v[i]![c]!);
      const push = (a: readonly number[], w: number) =>
        a.map((t, m) => round(round(t * old) + round(powers(key)[m]! * w)));
      channel.s = push(channel.s, product);
      channel.z = push(channel.z, fresh);
      const read = powers(x).map((p, m) => round(p * round(2 ** m / factorial(m))));
      const dot = (a: readonly number[]) => read.reduce((sum, p, m) => round(sum + round(p * a[m]!)), 0);
      return round(dot(channel.s) / dot(channel.z));
    }),
  );
}

/** A stream of keys with a running maximum of 2qk - k^2, every step rounded by `round`. */
function online(round: (x: number) => number, q: Matrix, k: Matrix, v: Matrix): number[][] {
  return q.map((row, i) =>
    row.map((x, c) => {
      let [m, l, o] = [-1e30, 0, 0];
      for (let j = 0; j <= i; j++) {
        const key = k[j]![c]!;
        const score = round(round(2 * round(x * key)) - round(key * key));
        const peak = Math.max(m, score);
        const [old, fresh] = [round(Math.exp(round(m - peak))), round(Math.exp(round(score - peak)))];
        l = round(round(l * old) + fresh);
        o = round(round(o * old) + round(fresh * v[j]![c]!));
        m = peak;
      }
      return round(o / l);
    }),
  );
}

describe("error scale", () => {
  test("by hand", () => {
    const block = head([[1]], [[2], [-1]], [[1], [0]]);
    const distant = exact(block);
    const [w, x] = [distant.y[0]![0]!, 1 - distant.y[0]![0]!];
    // Exponents 4 - 4 and -2 - 1 lose 4 + 4 and 2 + 1 units; the second is 3 below the peak.
    expectClose(distant.scale, [[w * (1 + w + 8 * x) + x * (w + (3 + 3) * w) + w]]);
    expectClose(distant.lseScale as number[][], [[1 + 8 * w + (3 + 3) * x]]);
    const series = elementwiseReference({ order: 2 })(block);
    // exp(-4) (1 + 4 + 8) and exp(-1) (1 - 2 + 2), whose absolute terms are 13 and 5.
    const [a, b] = [Math.exp(-4), Math.exp(-1)];
    const y = (13 * a) / (13 * a + b);
    const lost = a * ((1 + 2 * 4 + 3 * 8) * (1 + y) + 4 * 13 * (1 - y)) + b * ((1 + 2 * 2 + 3 * 2) * y + 5 * y);
    expectClose(series.y, [[y]]);
    expectClose(series.scale, [[lost / (13 * a + b) + y]]);
    const digits = (a * (33 + 4 * 13) + b * (11 + 5)) / (13 * a + b);
    expectClose(series.lseScale as number[][], [[digits]]);
    // At q = 3, k = 1 / 3 the polynomial is the same as at q = k = 1, but q^2 is taken out of it and put back.
    const far = elementwiseReference({ order: 2 })(head([[3]], [[1 / 3]], [[1]])).lseScale as number[][];
    expectClose(far, [[(11 + 5 / 9) / 5 + 2 * Math.log(3)]]);
  });
  test.each([
    [2, 1],
    [6, 1],
    [6, 5],
    [12, 2],
    ["exact", 1],
    ["exact", 5],
  ] as const)("covers order %s in float32 on inputs of size %d, and not by far too much", (order, size) => {
    const draw = gaussian(size + 20);
    const [q, k, v] = [draw(65, 16, size), draw(65, 16, size), draw(65, 16)];
    const { y, scale } = elementwiseReference({ order })(head(q, k, v, causal));
    const run = (round: (x: number) => number) =>
      order === "exact" ? online(round, q, k, v) : streamed(round, order, q, k, v);
    expectClose(
      run((x) => x),
      y,
      1e-9,
    );
    const used = allowanceUsed(run(Math.fround), y, scale, 65 + 16);
    expect(used).toBeLessThan(0.2);
    expect(used).toBeGreaterThan(4e-3);
  });
});
