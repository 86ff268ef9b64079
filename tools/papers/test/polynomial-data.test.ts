import { expect, test, vi } from "vitest";
import { digits, patches, SIDE } from "../src/data/digits.ts";
import { digitsTask } from "../src/polynomial/digits-task.ts";
import { duplicateTask, SHOWN } from "../src/polynomial/duplicate-data.ts";

// A file of 20 megabytes is parsed, on a busy machine in seconds.
vi.setConfig({ testTimeout: 60_000 });

test("digits are 10,000 images of every digit, a fifth of which is held out", () => {
  const { train, heldOut } = digits();
  expect([train.count, heldOut.count]).toEqual([8000, 2000]);
  for (const { count, images, labels } of [train, heldOut]) {
    expect(images).toHaveLength(count * SIDE ** 2);
    const counts = Array.from({ length: 10 }, (_, digit) => labels.filter((label) => label === digit).length);
    expect(Math.min(...counts)).toBeGreaterThan(0.08 * count);
  }
  // A 1 has less ink than a 0.
  const ink = (digit: number) => {
    const rows = [...train.labels].flatMap((label, i) => (label === digit ? [i] : []));
    return (
      rows.reduce((sum, i) => sum + train.images.subarray(i * 784, (i + 1) * 784).reduce((s, x) => s + x, 0), 0) /
      rows.length
    );
  };
  expect(ink(1)).toBeLessThan(0.6 * ink(0));
});

test("patches keep every pixel in its place", () => {
  const images = Float32Array.from({ length: 2 * SIDE ** 2 }, (_, i) => i);
  const cut = patches({ count: 2, images }, 7);
  // Image 1, patch (2, 3), pixel (4, 5) of it: row 2 * 7 + 4, column 3 * 7 + 5.
  expect(cut[((1 * 16 + 2 * 4 + 3) * 7 + 4) * 7 + 5]).toBe((1 * SIDE + 18) * SIDE + 26);
  expect(new Set(cut).size).toBe(images.length);
  expect(() => patches({ count: 2, images }, 5)).toThrow("got patches of 5 pixels; expected a divisor of 28");
});

test("training and held-out digits are standardised alike, and a seed has its own order", () => {
  const task = digitsTask(14, 10, 1);
  const { x } = task.heldOut;
  expect(x.reduce((sum, y) => sum + y, 0) / x.length).toBeCloseTo(0, 1);
  expect(task.train(3)).toEqual(digitsTask(14, 10, 1).train(3));
  expect(task.train(3).labels).not.toEqual(digitsTask(14, 10, 2).train(3).labels);
  expect(new Set(task.heldOut.labels as number[]).size).toBe(10);
});

test("of the tokens of the duplicate task exactly two are alike, and they show the label", () => {
  const { x, labels } = duplicateTask(12, 10, 5).train(0);
  const token = (i: number, n: number) => x.subarray((i * 12 + n) * 16, (i * 12 + n + 1) * 16);
  const apart = (a: Float32Array, b: Float32Array) => a.reduce((sum, y, c) => sum + (y - b[c]!) ** 2, 0);
  const shown = new Map<number, Float32Array>();
  for (let i = 0; i < 32; i++) {
    // A shown token has the square of its vector, about 16, and noise has 16 * 0.09.
    const places = Array.from({ length: 12 }, (_, n) => n)
      .toSorted((a, b) => apart(token(i, b), new Float32Array(16)) - apart(token(i, a), new Float32Array(16)))
      .slice(0, SHOWN);
    const pairs = places.flatMap((a, n) => places.slice(n + 1).map((b) => [a, b] as const));
    const [a, b] = pairs.toSorted(
      ([a, b], [c, d]) => apart(token(i, a), token(i, b)) - apart(token(i, c), token(i, d)),
    )[0]!;
    expect(apart(token(i, a), token(i, b))).toBeLessThan(8);
    const known = shown.get(labels[i]!);
    if (known) expect(apart(known, token(i, a))).toBeLessThan(8);
    shown.set(labels[i]!, token(i, a));
  }
  expect(shown.size).toBeGreaterThan(8);
});
