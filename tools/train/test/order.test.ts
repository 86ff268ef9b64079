/** The order of data depends on the seed and the step alone; schedules have the values that their papers give. */
import { constant, cosine, dataOrder, gatherRows, initialise, oneCycle, oneHotRows } from "@attnkit/train";
import { describe, expect, test } from "vitest";

describe("data order", () => {
  test("every epoch has every example once, in another order", () => {
    const order = dataOrder(10, { batch: 2, seed: 4 });
    const epoch = (n: number) => Array.from({ length: 5 }, (_, i) => order.batchAt(5 * n + i)).flat();
    expect(order.batchesPerEpoch).toBe(5);
    for (const n of [0, 1]) expect([...epoch(n)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(epoch(0)).not.toEqual(epoch(1));
  });

  test("a resumed run sees the batches that it would have seen, and another seed does not", () => {
    const whole = dataOrder(23, { batch: 4, seed: 4 });
    const before = Array.from({ length: 17 }, (_, i) => whole.batchAt(i));
    expect(dataOrder(23, { batch: 4, seed: 4 }).batchAt(13)).toEqual(before[13]);
    expect(dataOrder(23, { batch: 4, seed: 5 }).batchAt(13)).not.toEqual(before[13]);
  });

  test.each([0, 24, 1.5, Number.NaN])("a batch of %d of 23 examples is refused", (batch) => {
    expect(() => dataOrder(23, { batch, seed: 1 })).toThrow(/expected a whole number from 1 to the 23 examples/);
  });

  test("rows are gathered in order; one-hot rows refuse what is no class", () => {
    expect([...gatherRows(Float32Array.of(1, 2, 3, 4, 5, 6), 2, [2, 0])]).toEqual([5, 6, 1, 2]);
    expect([...oneHotRows([1, 0], 3)]).toEqual([0, 1, 0, 1, 0, 0]);
    expect(() => oneHotRows([0, 3], 3)).toThrow(/got 3 at place 1; expected a whole number from 0 to 2/);
  });
});

describe("schedules", () => {
  test("constant with warm-up", () => {
    const rate = constant(2, { warmup: 4 });
    expect([0, 1, 3, 4, 100].map(rate)).toEqual([0.5, 1, 2, 2, 2]);
    expect(constant(2)(0)).toBe(2);
  });

  test("cosine falls to its floor", () => {
    const rate = cosine(1, { steps: 110, warmup: 10, floor: 0.2 });
    expect(rate(4)).toBe(0.5);
    expect(rate(10)).toBe(1);
    expect(rate(60)).toBeCloseTo(0.6, 12);
    expect([110, 500].map(rate)).toEqual([0.2, 0.2]);
  });

  test("one cycle rises from 1/25 in 30 % of the steps and ends near 0", () => {
    const rate = oneCycle(1, { steps: 100 });
    expect(rate(0)).toBeCloseTo(0.04, 12);
    expect(rate(29)).toBeCloseTo(1, 12);
    expect(rate(99)).toBeCloseTo(4e-6, 12);
    const all = Array.from({ length: 100 }, (_, i) => rate(i));
    expect(all.indexOf(Math.max(...all))).toBe(29);
  });
});

test("first values have the spread that is asked for, and constants are constant", () => {
  const flat = initialise(
    [
      { name: "a", shape: [100, 100], init: { deviation: 0.3 } },
      { name: "b", shape: [3], init: { constant: 7 } },
    ],
    11,
  );
  const a = flat.subarray(0, 10_000);
  expect(Math.sqrt(a.reduce((s, x) => s + x * x, 0) / 10_000)).toBeCloseTo(0.3, 2);
  expect(Math.abs(a.reduce((s, x) => s + x, 0) / 10_000)).toBeLessThan(0.01);
  expect([...flat.subarray(10_000)]).toEqual([7, 7, 7]);
});
