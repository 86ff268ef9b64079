import { cpu, type NdArray } from "@attnkit/cpu";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { axed, broadcasting, bytes, extreme, random, shape, uniform } from "./arbitrary.ts";
import { naive, type Plain, plain } from "./naive.ts";

fc.configureGlobal({ seed: 20261101, numRuns: 100 });
const seed = fc.integer();

describe.each(["float32", "float64"] as const)("cpu %s", (dtype) => {
  const backend = cpu({ dtype });
  const o = backend.ops;
  const Float = dtype === "float32" ? Float32Array : Float64Array;
  const unit = dtype === "float32" ? 2 ** -24 : 2 ** -53;

  /** Equal in shape and in every bit that JavaScript can see: NaN equals NaN, -0 is not 0. */
  const same = (got: NdArray, expected: Plain) => {
    expect(got.shape).toEqual(expected.shape);
    expect(got.data.length).toBe(expected.data.length);
    const rounded = Float.from(expected.data);
    const wrong = rounded.findIndex((e, i) => !Object.is(got.data[i], e));
    if (wrong >= 0) expect.fail(`element ${wrong}: got ${got.data[wrong]}, expected ${rounded[wrong]}`);
  };
  const sameBooleans = (got: NdArray, expected: Plain) => {
    expect(got.data).toBeInstanceOf(Uint8Array);
    same(got, expected);
  };
  /** Within `ulps` units in the last place of `scale`, or both not finite and the same. */
  const near = (got: NdArray, expected: Plain, scale: Plain, ulps: number) => {
    expect(got.shape).toEqual(expected.shape);
    expect(got.data).toBeInstanceOf(Float);
    const rounded = Float.from(expected.data);
    const tiny = dtype === "float32" ? 2 ** -149 : 2 ** -1074;
    const wrong = rounded.findIndex((e, i) => {
      const g = got.data[i]!;
      return !(Object.is(g, e) || g === e || Math.abs(g - expected.data[i]!) <= ulps * unit * scale.data[i]! + tiny);
    });
    if (wrong >= 0) expect.fail(`element ${wrong}: got ${got.data[wrong]}, expected ${rounded[wrong]}`);
  };
  const abs = (x: Plain): Plain => ({ shape: x.shape, data: x.data.map(Math.abs) });

  describe.each(["add", "sub", "mul", "div", "maximum", "minimum"] as const)("%s", (op) => {
    test("element by element, broadcast, extremes included", () => {
      fc.assert(
        fc.property(broadcasting(2), seed, ([sa, sb], s) => {
          const r = random(s);
          const [a, b] = [o.constant(extreme(r, sa!), sa!), o.constant(extreme(r, sb!), sb!)];
          const before = [plain(a), plain(b)] as const;
          same(o[op](a, b), naive[op](...before));
          expect([plain(a), plain(b)]).toEqual(before);
        }),
      );
    });
    test("numbers are scalars of the float type, booleans are 0 and 1", () => {
      fc.assert(
        fc.property(shape, seed, (s, n) => {
          const r = random(n);
          const x = o.constant(uniform(r, s), s);
          const mask = backend.upload(bytes(r, s), s);
          const tenth = Float.of(0.1)[0]!;
          same(o[op](x, 0.1), naive[op](plain(x), tenth));
          same(o[op](0.1, x), naive[op](tenth, plain(x)));
          same(o[op](mask, x), naive[op](plain(mask), plain(x)));
          expect(o[op](mask, mask).data).toBeInstanceOf(Float);
        }),
      );
      same(o[op](3, 0.1), naive[op](3, Float.of(0.1)[0]!));
    });
  });

  test("axes that broadcast by turns, and every order of six axes", () => {
    const [a, b] = [
      [2, 1, 3, 1, 2, 1],
      [1, 3, 1, 2, 1, 2],
    ].map((s) => o.constant(uniform(random(1), s), s)) as [NdArray, NdArray];
    same(o.sub(a, b), naive.sub(plain(a), plain(b)));
    const x = o.constant(uniform(random(2), [2, 3, 1, 2, 3, 2]), [2, 3, 1, 2, 3, 2]);
    const six = fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 });
    fc.assert(fc.property(six, (perm) => same(o.transpose(x, perm), naive.transpose(plain(x), perm))));
  });

  describe("where", () => {
    test.each(["boolean", "float"])("a %s mask chooses and nothing leaks", (kind) => {
      fc.assert(
        fc.property(broadcasting(3), seed, ([sm, sa, sb], n) => {
          const r = random(n);
          const mask = kind === "boolean" ? backend.upload(bytes(r, sm!), sm!) : o.constant(extreme(r, sm!), sm!);
          const [a, b] = [o.constant(extreme(r, sa!), sa!), o.constant(extreme(r, sb!), sb!)];
          const before = [plain(mask), plain(a), plain(b)] as const;
          same(o.where(mask, a, b), naive.where(...before));
          same(o.where(mask, a, -2), naive.where(before[0], before[1], -2));
          same(o.where(mask, Number.NaN, b), naive.where(before[0], Number.NaN, before[2]));
          same(o.where(mask, 1, 0), naive.where(before[0], 1, 0));
          expect(o.where(mask, 1, 0).data).toBeInstanceOf(Float);
          expect([plain(mask), plain(a), plain(b)]).toEqual(before);
        }),
      );
    });
    test("NaN is true, both zeros are false", () => {
      expect([...o.where(o.constant([Number.NaN, 0, -0, 1e-45, -3], [5]), 1, 0).data]).toEqual(
        dtype === "float32" ? [1, 0, 0, 1, 1] : [1, 0, 0, 1, 1],
      );
    });
  });

  test.each(["exp", "log", "tanh"] as const)("%s", (op) => {
    fc.assert(
      fc.property(shape, seed, (s, n) => {
        const x = o.constant(extreme(random(n), s), s);
        const expected = naive[op](plain(x));
        near(o[op](x), expected, abs(expected), 2);
      }),
    );
    const mask = backend.upload(Uint8Array.of(1, 0), [2]);
    near(o[op](mask), naive[op](plain(mask)), { shape: [2], data: [2, 2] }, 2);
  });

  test("exp is that of Math.exp rounded once, over its whole range", () => {
    const x = new Float(Array.from({ length: 200_000 }, (_, i) => -110 + i * 0.001001));
    const got = o.exp(o.constant(x, [x.length])).data;
    expect(x.findIndex((v, i) => got[i] !== Float.of(Math.exp(v))[0])).toBe(-1);
    expect(x.at(-1)).toBeGreaterThan(89);
    const ends = [-Infinity, -1e30, -104.1, -0, 0, 88.73, 1e30, Infinity, Number.NaN];
    same(o.exp(o.constant(ends, [9])), { shape: [9], data: ends.map(Math.exp) });
  });

  test.each(["sum", "cumsum"] as const)("%s", (op) => {
    fc.assert(
      fc.property(axed(63, 64, 65), seed, ({ shape, axis }, n) => {
        const x = o.constant(uniform(random(n), shape), shape);
        // Added up in float64: what float32 sees is the rounding of the result alone.
        const scale = naive[op](abs(plain(x)), axis);
        const slack = dtype === "float32" ? naive[op](plain(x), axis) : scale;
        near(o[op](x, axis), naive[op](plain(x), axis), abs(slack), dtype === "float32" ? 1.001 : 70);
      }),
    );
    const mask = backend.upload(Uint8Array.of(1, 0, 1), [3]);
    same(o[op](mask, 0), naive[op](plain(mask), 0));
  });

  test("a sum keeps in float32 what float32 additions would lose", () => {
    const x = [2 ** 24, ...Array<number>(64).fill(1)];
    for (const shape of [[65], [65, 1], [1, 65, 1]])
      expect(o.sum(o.constant(x, shape), shape.indexOf(65)).data[0]).toBe(2 ** 24 + 64);
    const wide = o.constant(
      x.flatMap((v) => [v, v]),
      [65, 2],
    );
    expect([...o.sum(wide, 0).data]).toEqual([2 ** 24 + 64, 2 ** 24 + 64]);
    expect(o.cumsum(wide, 0).data[129]).toBe(2 ** 24 + 64);
    expect(o.matmul(o.constant(x, [1, 65]), o.constant(Array(65).fill(1), [65, 1])).data[0]).toBe(2 ** 24 + 64);
  });

  test("max, NaN and signed zeros included", () => {
    fc.assert(
      fc.property(axed(63, 64, 65), seed, fc.boolean(), ({ shape, axis }, n, rough) => {
        const x = o.constant((rough ? extreme : uniform)(random(n), shape), shape);
        same(o.max(x, axis), naive.max(plain(x), axis));
      }),
    );
    same(o.max(backend.upload(Uint8Array.of(1, 0), [2]), 0), { shape: [1], data: [1] });
  });

  test("axes of size 0: sums are 0, maxima -Infinity", () => {
    expect(plain(o.sum(o.constant([], [2, 0]), 1))).toEqual({ shape: [2, 1], data: [0, 0] });
    expect(plain(o.sum(o.constant([], [0, 2]), 0))).toEqual({ shape: [1, 2], data: [0, 0] });
    expect(plain(o.max(o.constant([], [2, 0]), -1))).toEqual({ shape: [2, 1], data: [-Infinity, -Infinity] });
    expect(plain(o.max(o.constant([], [0, 2]), 0))).toEqual({ shape: [1, 2], data: [-Infinity, -Infinity] });
    expect(plain(o.cumsum(o.constant([], [2, 0]), 1))).toEqual({ shape: [2, 0], data: [] });
  });

  describe.each(["floats", "booleans"])("moves of %s", (kind) => {
    const make = (n: number, s: number[]) =>
      kind === "floats" ? o.constant(extreme(random(n), s), s) : backend.upload(bytes(random(n), s), s);
    const check = kind === "floats" ? same : sameBooleans;

    test("transpose", () => {
      const perms = fc
        .array(fc.oneof(fc.nat(3), fc.constantFrom(15, 16, 17, 33)), { maxLength: 3 })
        .chain((s) =>
          fc.tuple(fc.constant(s), fc.shuffledSubarray([...s.keys()], { minLength: s.length }), fc.boolean()),
        );
      fc.assert(
        fc.property(perms, seed, ([s, axes, fromEnd], n) => {
          const perm = fromEnd ? axes.map((a) => a - s.length) : axes;
          const x = make(n, s);
          const before = plain(x);
          check(o.transpose(x, perm), naive.transpose(before, perm));
          expect(plain(x)).toEqual(before);
        }),
        { numRuns: 100 },
      );
    });
    test("slice", () => {
      fc.assert(
        fc.property(axed(63, 64, 65), seed, fc.nat(), fc.nat(), ({ shape, axis }, n, a, b) => {
          const size = shape.at(axis)! + 1;
          const [start, end] = [a % size, b % size].sort((p, q) => p - q) as [number, number];
          const x = make(n, shape);
          check(o.slice(x, axis, start, end), naive.slice(plain(x), axis, start, end));
        }),
      );
    });
    test("take", () => {
      fc.assert(
        fc.property(axed(63, 64, 65), seed, fc.array(fc.nat(), { maxLength: 9 }), ({ shape, axis }, n, picks) => {
          const indices = shape.at(axis) === 0 ? [] : picks.map((i) => i % shape.at(axis)!);
          const x = make(n, shape);
          check(o.take(x, axis, indices), naive.take(plain(x), axis, indices));
        }),
      );
    });
    test("concat", () => {
      fc.assert(
        fc.property(
          axed(63, 64, 65),
          seed,
          fc.array(fc.constantFrom(0, 1, 2, 3, 64), { minLength: 1, maxLength: 4 }),
          ({ shape, axis }, n, sizes) => {
            const xs = sizes.map((size, i) => make(n + i, shape.with(axis, size)));
            check(o.concat(xs, axis), naive.concat(xs.map(plain), axis));
          },
        ),
      );
    });
    test("reshape", () => {
      const x = make(7, [2, 3, 4]);
      for (const [to, shape] of [
        [[24], [24]],
        [[-1], [24]],
        [
          [4, -1, 2],
          [4, 3, 2],
        ],
        [
          [1, 2, 12, 1],
          [1, 2, 12, 1],
        ],
      ] as const)
        check(o.reshape(x, to), { shape, data: plain(x).data });
      check(o.reshape(make(1, [0, 3]), [3, 0, 2]), { shape: [3, 0, 2], data: [] });
      check(o.reshape(make(1, [0, 3]), [-1, 3]), { shape: [0, 3], data: [] });
      check(o.reshape(make(1, [1, 1]), []), plain(make(1, [])));
    });
  });

  test("concat of floats and booleans is floats", () => {
    const [x, mask] = [o.constant([0.5], [1]), backend.upload(Uint8Array.of(3, 0), [2])];
    expect(o.concat([mask, x], 0).data).toEqual(Float.of(1, 0, 0.5));
  });
});
