import { expect, test } from "vitest";
import { examples, KINDS, LENGTH, randomFrom } from "../tfjs-training/task.js";
import { mechanisms, train } from "../tfjs-training/train.js";

test("the examples are reversed sequences", () => {
  const { x, y } = examples(20, randomFrom(5));
  const width = KINDS + LENGTH;
  for (let n = 0; n < 20; n++) {
    const tokens = Array.from({ length: LENGTH }, (_, i) => {
      const row = x.subarray((n * LENGTH + i) * width, (n * LENGTH + i + 1) * width);
      expect(row[KINDS + i]).toBe(1);
      return row.indexOf(1);
    });
    expect([...y.subarray(n * LENGTH, (n + 1) * LENGTH)]).toEqual(tokens.reverse());
  }
});

test.each(Object.keys(mechanisms) as (keyof typeof mechanisms)[])(
  "%s attention learns it",
  { timeout: 60_000 },
  async (name) => {
    const { losses, accuracy } = await train(name);
    // At the start it guesses; at the end it is far below what any model without attention can reach.
    expect(losses[0]).toBeGreaterThan(0.5 * Math.log(KINDS));
    expect(losses.at(-1)).toBeLessThan(0.1 * Math.log(KINDS));
    expect(accuracy).toBeGreaterThan(0.95);
  },
);
