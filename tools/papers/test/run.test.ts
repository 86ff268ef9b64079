import { describe, expect, test } from "vitest";
import type { Claim } from "../src/experiment.ts";
import { assess, jobsOf, seedsOf, spreadOf, tableOf } from "../src/run/index.ts";

describe("spread", () => {
  test("mean, sample deviation and interval", () => {
    const { n, mean, deviation, low, high } = spreadOf([1, 2, 3]);
    expect([n, mean, deviation]).toEqual([3, 2, 1]);
    expect((high - low) / 2).toBeCloseTo(4.302653 / Math.sqrt(3), 5);
  });
  test("one value and equal values have no width, NaN is kept", () => {
    expect(spreadOf([5])).toEqual({ n: 1, mean: 5, deviation: 0, low: 5, high: 5 });
    expect(spreadOf([0.1, 0.1, 0.1])).toEqual({ n: 3, mean: 0.1, deviation: 0, low: 0.1, high: 0.1 });
    expect(spreadOf([1, Number.NaN]).mean).toBeNaN();
    expect(() => spreadOf([])).toThrow("at least 1");
  });
});

describe("table", () => {
  const row = (n: number, seed: number, y: number) => ({ params: { n, kind: "a" }, seed, values: { y } });
  const table = tableOf([row(1, 2, 10), row(1, 1, 20), row(2, 1, 30)]);
  test("selects rows and orders values by seed", () => {
    expect(table.where({ n: 1 }).values("y")).toEqual([20, 10]);
    expect(table.where({ n: 1, kind: "a" }).spread("y").mean).toBe(15);
    expect(table.distinct("n")).toEqual([1, 2]);
  });
  test("a typing error is no empty answer", () => {
    expect(() => table.values("z")).toThrow("there is no column z; expected y");
    expect(() => table.where({ n: 3 }).values("y")).toThrow("no row has these parameters");
    expect(() => table.distinct("m")).toThrow("no row has the parameter m");
  });
});

describe("claims", () => {
  const claim: Claim = {
    ...{ name: "c", sentence: "", where: "", rule: "", deviations: [], seeds: 5 },
    paper: { arxiv: "", title: "", authors: "", year: 2026 },
    cells: () => [{ n: 1 }, { n: 2 }],
    measure: async () => ({ y: 1 }),
    judge: (table) => ({ ruling: "supported", measured: String(table.spread("x").mean) }),
    figures: () => [],
  };
  const chosen = { experiment: { name: "e", summary: "", claims: [claim] }, claim };
  const settings = { size: "default", seeds: [4, 9] } as const;

  test("never use fewer seeds than they need", () => {
    expect(seedsOf(claim, [4, 9])).toEqual([4, 9, 10, 11, 12]);
    expect(seedsOf({ ...claim, seeds: 1 }, [4])).toEqual([4]);
    expect(jobsOf([chosen], settings)).toHaveLength(10);
  });
  test("a cell that exists twice, or a parameter that is not finite, is an error", () => {
    const wrong = (cells: { n: number }[]) => () =>
      jobsOf([{ ...chosen, claim: { ...claim, cells: () => cells } }], settings);
    expect(wrong([{ n: 1 }, { n: 1 }])).toThrow("exists twice");
    expect(wrong([{ n: Number.POSITIVE_INFINITY }])).toThrow("not finite");
  });
  test("cells that two claims share are measured once and judged twice", () => {
    const judged = { ...claim, judge: () => ({ ruling: "supported", measured: "" }) as const };
    const other = { ...chosen, claim: { ...judged, name: "d", from: "c" } };
    const jobs = jobsOf([{ ...chosen, claim: judged }, other], settings);
    expect(jobs).toEqual(jobsOf([other], settings));
    expect(jobs.map((job) => job.claim)).toEqual(Array(10).fill("c"));
    const outcomes = jobs.map((job) => ({ ...job, seconds: 1, values: { y: 1 } }));
    for (const one of [{ ...chosen, claim: judged }, other]) {
      const { rows, verdict } = assess(one, outcomes, settings);
      expect([rows.length, verdict?.ruling]).toEqual([10, "supported"]);
    }
  });
  test("a rule that fails withholds the verdict", () => {
    const outcomes = jobsOf([chosen], settings).map((job) => ({ ...job, seconds: 1, values: { y: 1 } }));
    expect(assess(chosen, outcomes, settings)).toMatchObject({
      ...{ verdict: null, seconds: 10 },
      withheld: "the rule could not be applied: there is no column x; expected y",
    });
    expect(assess(chosen, outcomes.slice(1), settings).withheld).toBe("1 of 10 cells are missing");
  });
});
