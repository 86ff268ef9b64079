/** Random numbers of a seed: the first ones too are spread over seeds as numbers of one seed are spread. */
import { normals, uniforms } from "@attnkit/measure/random";
import { describe, expect, test } from "vitest";
import { batchAt } from "../src/train/model/data.ts";

/** Seeds as people choose them, and as a batch derives them. */
const seeds = [...Array.from({ length: 2000 }, (_, i) => i), -1, 2 ** 31 - 1, -(2 ** 31), 0x9e3779b9 | 0];

describe.each([0, 1, 2, 3])("output %d of every seed", (at) => {
  const outputs = seeds.map((seed) => {
    const uniform = uniforms(seed);
    for (let i = 0; i < at; i++) uniform();
    return uniform();
  });

  test("is uniform: 20 equal bins, chi-squared of 19 degrees of freedom", () => {
    const bins = new Float64Array(20);
    for (const x of outputs) bins[Math.floor(20 * x)]! += 1;
    const expected = outputs.length / 20;
    // 43.8 is exceeded with a probability of 0.001.
    expect(bins.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)).toBeLessThan(43.8);
  });

  test("does not follow its neighbour's", () => {
    const mean = outputs.reduce((a, b) => a + b, 0) / outputs.length;
    const off = outputs.map((x) => x - mean);
    const own = off.reduce((sum, x) => sum + x * x, 0);
    const next = off.slice(1).reduce((sum, x, i) => sum + x * off[i]!, 0);
    // Four standard errors of a correlation of independent numbers.
    expect(Math.abs(next / own)).toBeLessThan(4 / Math.sqrt(outputs.length));
  });
});

test("the first normal of a seed has mean 0 and variance 1 over seeds", () => {
  const first = seeds.map((seed) => normals(seed)());
  const mean = first.reduce((a, b) => a + b, 0) / first.length;
  const variance = first.reduce((sum, x) => sum + (x - mean) ** 2, 0) / first.length;
  expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(first.length));
  expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / first.length));
});

test("two seeds differ, and a seed repeats", () => {
  expect(new Set(seeds.map((seed) => uniforms(seed)())).size).toBe(seeds.length);
  expect(Array.from({ length: 5 }, uniforms(3))).toEqual(Array.from({ length: 5 }, uniforms(3)));
});

test("the first window of a step lies anywhere in the text, whatever the step", () => {
  const data = { training: Uint8Array.from({ length: 251 }, (_, i) => i), heldOut: new Uint8Array() };
  const starts = Array.from({ length: 1000 }, (_, step) => batchAt(data, 1, step, 1, 50).inputs[0]![0]!);
  expect(Math.min(...starts)).toBeLessThan(5);
  expect(Math.max(...starts)).toBeGreaterThan(195);
  const mean = starts.reduce((a, b) => a + b, 0) / starts.length;
  // Uniform over 0..200: a standard error of 1.8.
  expect(Math.abs(mean - 100)).toBeLessThan(8);
});
