import { cpu, type NdArray } from "@attnkit/cpu";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { broadcasting, bytes, ODD, random, uniform, wholes } from "./arbitrary.ts";
import { naive, plain } from "./naive.ts";

fc.configureGlobal({ seed: 20261101, numRuns: 60 });

describe.each(["float32", "float64"] as const)("cpu %s matmul", (dtype) => {
  const backend = cpu({ dtype });
  const o = backend.ops;
  const whole = (seed: number, shape: number[]) => o.constant(wholes(random(seed), shape), shape);

  /** The naive product of whole numbers is exact, so every element must be equal, in whatever order it was added up. */
  const exact = (a: NdArray, b: NdArray) => {
    const expected = naive.matmul(plain(a), plain(b));
    const got = o.matmul(a, b);
    expect(got.shape).toEqual(expected.shape);
    const wrong = expected.data.findIndex((x, i) => got.data[i] !== x);
    if (wrong >= 0)
      expect.fail(
        `[${a.shape}] x [${b.shape}], element ${wrong}: got ${got.data[wrong]}, expected ${expected.data[wrong]}`,
      );
  };

  test("every size around the tiles", () => {
    const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17];
    for (const m of sizes)
      for (const k of sizes) for (const n of sizes) exact(whole(m + k, [m, k]), whole(n + k, [k, n]));
  });

  test("odd sizes", () => {
    const size = fc.constantFrom(...ODD);
    fc.assert(
      fc.property(size, size, size, (m, k, n) => exact(whole(m, [m, k]), whole(n, [k, n]))),
      { numRuns: 25 },
    );
  });

  test("broadcast batches", () => {
    const size = fc.constantFrom(0, 1, 2, 3, 4, 5, 9, 16);
    fc.assert(
      fc.property(broadcasting(2), size, size, size, fc.integer(), ([x, y], m, k, n, s) =>
        exact(whole(s, [...x!, m, k]), whole(s + 1, [...y!, k, n])),
      ),
    );
  });

  test("a shared right-hand side, as in a projection of every head", () => {
    for (const lead of [[], [3], [2, 3], [1, 1], [2, 0]])
      for (const rest of [[], [1], [1, 1]]) exact(whole(1, [...lead, 5, 8]), whole(2, [...rest, 8, 6]));
  });

  test("booleans multiply as 0 and 1", () => {
    const a = backend.upload(bytes(random(1), [9, 10]), [9, 10]);
    const b = backend.upload(bytes(random(2), [10, 11]), [10, 11]);
    exact(a, b);
    exact(a, whole(3, [10, 4]));
  });

  test("rounds once in float32, within the bound of a float64 sum in float64", () => {
    const unit = dtype === "float32" ? 2 ** -24 : 2 ** -53;
    for (const [m, k, n] of [
      [1, 300, 5],
      [7, 300, 1],
      [6, 129, 7],
      [64, 64, 64],
    ] as const) {
      const [a, b] = [o.constant(uniform(random(m), [m, k]), [m, k]), o.constant(uniform(random(n), [k, n]), [k, n])];
      const got = o.matmul(a, b);
      const [x, y] = [plain(a), plain(b)];
      const expected = naive.matmul(x, y).data;
      const scale = naive.matmul({ ...x, data: x.data.map(Math.abs) }, { ...y, data: y.data.map(Math.abs) }).data;
      expected.forEach((e, i) => {
        const bound = dtype === "float32" ? unit * Math.abs(e) * 1.001 + scale[i]! * 2 ** -40 : k * unit * scale[i]!;
        expect(Math.abs(got.data[i]! - e)).toBeLessThanOrEqual(bound);
      });
    }
  });

  test("NaN and infinity reach their own row and column and nothing else", () => {
    for (const [m, n] of [
      [1, 9],
      [9, 1],
      [6, 7],
      [1, 1],
    ] as const) {
      const a = wholes(random(1), [m, 5]);
      const b = wholes(random(2), [5, n]);
      a[a.length - 1] = Number.NaN;
      b[0] = Infinity;
      a[0] = 1;
      const expected = naive.matmul({ shape: [m, 5], data: a }, { shape: [5, n], data: b });
      expect([...o.matmul(o.constant(a, [m, 5]), o.constant(b, [5, n])).data]).toEqual([...expected.data]);
    }
  });

  test("leaves its operands alone", () => {
    const [a, b] = [whole(1, [2, 17, 9]), whole(2, [9, 18])];
    const before = [plain(a), plain(b)];
    o.matmul(a, b);
    expect([plain(a), plain(b)]).toEqual(before);
  });
});
