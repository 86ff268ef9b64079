import { medianInterval, ratioInterval, readable } from "@attnkit/measure/bootstrap";
import { bytes, digits, spread, time } from "@attnkit/measure/format";
import { normals } from "@attnkit/measure/random";
import { growth, studentQuantile, summary } from "@attnkit/measure/statistics";
import { describe, expect, test } from "vitest";
import { memoryGrowth, resolve } from "../src/measure/memory.ts";
import { type Candidate, FEWEST, plan } from "../src/measure/plan.ts";

const points = (sizes: readonly number[], f: (n: number) => number) => sizes.map((size) => ({ size, value: f(size) }));
const SIZES = [256, 512, 1024, 2048, 4096, 8192, 16384];

describe("growth exponent", () => {
  test.each([0, 0.5, 1, 1.5, 2, 3])("recovers a slope of %d exactly", (slope) => {
    const fit = growth(points(SIZES, (n) => 3e-6 * n ** slope))!;
    expect(fit.exponent).toBeCloseTo(slope, 10);
    expect(fit.error).toBeLessThan(1e-6);
  });

  test("recovers a slope under noise, within its own standard error", () => {
    const normal = normals(7);
    const misses = Array.from({ length: 200 }, () => {
      const fit = growth(points(SIZES, (n) => 1e-6 * n * Math.exp(0.1 * normal())))!;
      return Math.abs(fit.exponent - 1) / fit.error;
    });
    // Student's t with three degrees of freedom: 94 % lie within 3 standard errors.
    expect(misses.filter((m) => m < 3).length).toBeGreaterThan(175);
  });

  test("fits the long sizes where there are three, since a constant cost hides the slope of short ones", () => {
    const fit = growth(points(SIZES, (n) => 5e-3 + 1e-9 * n ** 2))!;
    expect([fit.from, fit.to, fit.points]).toEqual([1024, 16384, 5]);
    expect(growth(points([256, 512, 1024], (n) => n))).toMatchObject({ from: 256, to: 1024, points: 3 });
  });

  test("says nothing about fewer than three sizes", () => {
    expect(growth(points([1024, 2048], (n) => n))).toBeNull();
    expect(growth([])).toBeNull();
  });
});

describe("growth of peak memory", () => {
  const MIB = 2 ** 20;
  const of = (grows: (n: number) => number, floor: number) =>
    resolve(SIZES.map((length) => ({ length, before: 0, peak: 0, growth: grows(length), floor })));

  test("is that of what comes on top of the floor", () => {
    const all = of((n) => 3 * MIB + 4096 * n, 3 * MIB);
    expect(memoryGrowth(all)!.exponent).toBeCloseTo(1, 10);
    // 12 MiB are four floors: 9 MiB on top are more than 2304 tokens.
    expect(all.filter((p) => p.resolved).map((p) => p.length)).toEqual([4096, 8192, 16384]);
  });

  test("is nothing where short lengths cannot be told from it", () => {
    const all = of((n) => 5 * MIB + 1024 * n, 5 * MIB);
    expect([memoryGrowth(all), all.filter((p) => p.resolved).length]).toEqual([null, 1]);
    expect(memoryGrowth(of(() => 3 * MIB, 0))).toBeNull();
  });

  test("one noisy floor counts for every length of the cell", () => {
    const points = SIZES.map((length) => ({ length, before: 0, peak: 0, growth: 8 * MIB, floor: 0 }));
    expect(resolve(points).every((p) => p.resolved)).toBe(true);
    expect(resolve([{ ...points[0]!, floor: 3 * MIB }, ...points.slice(1)]).some((p) => p.resolved)).toBe(false);
  });
});

test("summary: median and quartiles", () => {
  expect(summary([5, 1, 4, 2, 3])).toEqual({ median: 3, q1: 2, q3: 4 });
  expect(summary([7])).toEqual({ median: 7, q1: 7, q3: 7 });
});

describe("plan", () => {
  const one = (cell: string, size: number, call: number, more: Partial<Candidate> = {}): Candidate => ({
    cell,
    what: "prefill",
    size,
    call,
    calls: 1,
    setup: call,
    ...more,
  });
  const all = [256, 512, 1024, 2048].flatMap((n) => [
    one("linear", n, n / 1000),
    one("softmax", n, (n / 1000) ** 2 * 4),
  ]);

  test.each([0, 1, 5, 20, 100, 1000])("keeps to a budget of %d seconds and loses nothing", (budget) => {
    const { items, leftOut } = plan(all, budget, 9);
    expect(items.reduce((sum, i) => sum + i.seconds, 0)).toBeLessThanOrEqual(budget + 1e-9);
    expect(items.length + leftOut.length).toBe(all.length);
    for (const i of items) expect(i.rounds).toBeGreaterThanOrEqual(FEWEST);
    for (const i of items) expect(i.rounds).toBeLessThanOrEqual(9);
  });

  test("takes short sizes of every cell before long ones of any", () => {
    const { items } = plan(all, 20, 9);
    for (const cell of ["linear", "softmax"]) {
      const sizes = items.filter((i) => i.cell === cell).map((i) => i.size);
      expect(sizes).toEqual([256, 512, 1024, 2048].slice(0, sizes.length));
      expect(sizes.length).toBeGreaterThan(1);
    }
  });

  test("an expensive cell gets its three shortest sizes before a cheap one gets all of its own", () => {
    const dear = [256, 512, 1024, 2048].map((n) => one("dear", n, 1));
    const cheap = [256, 512, 1024, 2048].map((n) => one("cheap", n, 0.1));
    const { items } = plan([...dear, ...cheap], 3 * 4 + 3 * 0.4, 3);
    expect(items.filter((i) => i.cell === "dear").length).toBe(3);
    expect(items.filter((i) => i.cell === "cheap").length).toBe(3);
  });

  test("says why something is left out", () => {
    const { leftOut } = plan([one("a", 1, 1, { impossible: "too large" }), one("b", 1, 100)], 10, 3);
    expect(leftOut.map((l) => [l.cell, l.reason])).toEqual([
      ["a", "too large"],
      ["b", "time budget"],
    ]);
  });
});

test("numbers as tables print them", () => {
  expect([0.0123, 1.5e-5, 12, 1234].map(time)).toEqual(["12.3 ms", "15.0 µs", "12.0 s", "1230 s"]);
  expect([0, 100, 2048, 5e6].map(bytes)).toEqual(["0 B", "100 B", "2.00 KiB", "4.77 MiB"]);
  expect([0, 0.5, 18437, 1e-9].map(digits)).toEqual(["0", "0.500", "18400", "1.00e-9"]);
  expect(spread({ median: 2, q1: 1, q3: 2 })).toBe("50 %");
});

test("Student's quantiles are those of printed tables", () => {
  // Two-sided: Abramowitz and Stegun, table 26.10.
  const known = [
    ...[
      [1, 0.95, 12.706],
      [2, 0.95, 4.303],
      [3, 0.95, 3.182],
      [4, 0.95, 2.776],
      [9, 0.95, 2.262],
    ],
    ...[
      [30, 0.95, 2.042],
      [120, 0.95, 1.98],
      [1, 0.99, 63.657],
      [4, 0.999, 8.61],
      [9, 0.999, 4.781],
    ],
  ] as [freedom: number, level: number, t: number][];
  for (const [freedom, level, t] of known) expect(studentQuantile(freedom, level)).toBeCloseTo(t, 3);
});

describe("bootstrap", () => {
  const normal = normals(11);
  const around = (centre: number, n: number) => Array.from({ length: n }, () => centre * Math.exp(0.1 * normal()));

  test("an interval of 95 % holds the true ratio about as often as that", () => {
    let held = 0;
    for (let i = 0; i < 100; i++) {
      const { low, high } = ratioInterval([{ own: around(2, 15), other: around(1, 15) }], { resamples: 400 });
      if (low <= 2 && 2 <= high) held++;
    }
    expect(held).toBeGreaterThanOrEqual(88);
    expect(held).toBeLessThan(100);
  });

  test("pairs cancel what slows both samples of a round", () => {
    const drift = Array.from({ length: 15 }, (_, i) => 1 + i);
    const { low, high } = ratioInterval([{ own: drift.map((x) => 1.5 * x), other: drift }]);
    expect([low, high]).toEqual([expect.closeTo(1.5), expect.closeTo(1.5)]);
  });

  test("equal samples and seeds give equal intervals; few samples and wide intervals are not readable", () => {
    const samples = around(1, 9);
    expect(medianInterval(samples)).toEqual(medianInterval(samples));
    expect(readable(1, { low: 0.9, high: 1.1 }, 9)).toBe(true);
    expect(readable(1, { low: 0.9, high: 1.1 }, 2)).toBe(false);
    expect(readable(1, { low: 0.8, high: 1.2 }, 9)).toBe(false);
  });
});

test("a plan takes short sizes of attnkit's cells before those of baselines, even if they are cheaper", () => {
  const candidate = (cell: string, size: number, call: number, baseline: boolean): Candidate => ({
    ...{ cell, what: "prefill", size, call, calls: 1, setup: 0, baseline },
  });
  const all = [256, 512, 1024].flatMap((n) => [candidate("peer", n, 0.5, true), candidate("softmax", n, 1, false)]);
  const { items } = plan(all, 9, 3);
  expect(items.map((i) => [i.cell, i.size])).toEqual([256, 512, 1024].map((n) => ["softmax", n]));
});
