/** The trained claims on element-wise attention: data, learning, and the rule on models that are broken on purpose. */
import { describe, expect, test, vi } from "vitest";
import { births } from "../src/data/births.ts";
import { bursts } from "../src/elementwise/bursts.ts";
import { classification } from "../src/elementwise/classification.ts";
import { forecasting } from "../src/elementwise/forecasting.ts";
import { ruleOrdering } from "../src/elementwise/ordering.ts";
import { ofOrder, TRAINED } from "../src/elementwise/subjects.ts";
import type { Params } from "../src/index.ts";
import { spreadOf, tableOf } from "../src/run/index.ts";
import { measured } from "./superiority-table.ts";

vi.setConfig({ testTimeout: 120_000 });

test("births has a number for each of 7,305 days, fewer on Sundays", () => {
  const counts = births();
  expect(counts).toHaveLength(7305);
  expect([...counts.subarray(0, 2)]).toEqual([8486, 9002]);
  // 1 January 1969 was a Wednesday.
  const mean = (weekday: number) => {
    const days = [...counts].filter((_, i) => (i + 3) % 7 === weekday);
    return days.reduce((a, b) => a + b, 0) / days.length;
  };
  expect(mean(0)).toBeLessThan(0.9 * mean(2));
});

test("the class of generated series is the order of their bursts", () => {
  const { series, targets } = bursts(3)(600);
  let right = 0;
  for (let s = 0; s < 600; s++) {
    // The place of a burst is found by its shape, since noise can exceed it in single tokens.
    const place = (c: number) => {
      const at = (t: number) => series!.data[(s * 32 + Math.min(31, Math.max(0, t))) * 3 + c]!;
      const smooth = Array.from({ length: 32 }, (_, t) => at(t - 1) + at(t) + at(t + 1));
      return smooth.indexOf(Math.max(...smooth));
    };
    const places = [0, 1, 2].map(place);
    const ranks = places.map((p) => places.filter((other) => other < p).length).join("");
    const target = [...targets!.data.subarray(6 * s, 6 * s + 6)].indexOf(1);
    if (ranks === ["012", "021", "102", "120", "201", "210"][target]) right++;
  }
  expect(right / 600).toBeGreaterThan(0.9);
  expect(bursts(3)(600)).toEqual({ series, targets });
});

test("EA-6 that answers as EA-2 is not supported in forecasting", async () => {
  const short = ({ mechanism, ahead }: Params) => ahead === 6 && mechanism !== "EA exact";
  const claim = forecasting({ ...TRAINED, "EA-6": ofOrder(2) }, { default: 100, full: 100 });
  const table = await measured(claim, { picked: short });
  const rmse = (mechanism: string) => table.where({ mechanism }).spread("RMSE").mean;
  expect(rmse("EA-6")).toBe(rmse("EA-2"));
  // The model has learned something of the week.
  expect(rmse("softmax")).toBeLessThan(0.7 * table.spread("RMSE of the last value").mean);
  expect(claim.judge(table)).toMatchObject({ ruling: "not supported" });
  expect(claim.figures(table)[0]!.panels).toHaveLength(2);
});

test("an unknown mechanism is refused, and a run is stopped between steps", async () => {
  const context = { seed: 1, size: "default" as const, progress: () => {} };
  const stopped = { ...context, signal: AbortSignal.abort(new Error("stop")) };
  await expect(classification().measure({ mechanism: "softmax" }, stopped)).rejects.toThrow("stop");
  await expect(classification().measure({ mechanism: "sofmax" }, stopped)).rejects.toThrow("no mechanism sofmax");
});

describe("the rule of trained models", () => {
  const around = (x: number, by = 0.001) => spreadOf([x - by, x, x + by]);
  const rule = (toSoftmax: number, toSecond: number, by?: number) =>
    ruleOrdering([{ toSoftmax: around(toSoftmax, by), toSecond: around(toSecond, by), margin: 0.01 }]);

  test.each([
    [-0.02, -0.02, 0.001, "supported"],
    [0, -0.02, 0.001, "supported"],
    [0.03, -0.02, 0.001, "not supported"],
    [-0.02, 0.02, 0.001, "not supported"],
    [-0.02, 0, 0, "not supported"],
    [0, -0.02, 0.05, "not decidable at this size"],
    [Number.NaN, -0.02, 0.001, "not decidable at this size"],
  ])("EA-6 minus softmax %d, minus EA-2 %d, seeds ± %d: %s", (toSoftmax, toSecond, by, expected) => {
    expect(rule(toSoftmax, toSecond, by)).toBe(expected);
  });

  test("one setting that is refuted refutes", () => {
    const good = { toSoftmax: around(-0.1), toSecond: around(-0.1), margin: 0.01 };
    expect(ruleOrdering([good, { ...good, toSecond: around(0.1) }])).toBe("not supported");
  });

  test("classification without errors, or without learning, decides nothing", () => {
    const rows = (errors: Readonly<Record<string, number>>) =>
      Object.entries(errors).flatMap(([mechanism, x]) =>
        [1, 2, 3].map((seed) => ({
          params: { mechanism },
          seed,
          values: { "share of wrong answers": x + seed / 1e4 },
        })),
      );
    const ruling = (errors: Readonly<Record<string, number>>) => classification().judge(tableOf(rows(errors))).ruling;
    expect(ruling({ "EA-2": 0.2, "EA-6": 0.1, softmax: 0.1 })).toBe("supported");
    expect(ruling({ "EA-2": 0, "EA-6": 0, softmax: 0 })).toBe("not decidable at this size");
    expect(ruling({ "EA-2": 0.8, "EA-6": 0.7, softmax: 0.8 })).toBe("not decidable at this size");
  });
});
