import { attention, isAttentionError } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { expect, test } from "vitest";
import { elementwise } from "../src/index.ts";

const backend = cpu({ dtype: "float64" });
const draw = (seed: number, size: number, ...shape: number[]) =>
  backend.upload(
    Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => size * Math.sin(seed + 1.9 * i)),
    shape,
  );

test("the series approaches the exact form as its order grows", async () => {
  const block = { q: draw(1, 0.8, 30, 4), k: draw(2, 0.8, 30, 4), v: draw(3, 1, 30, 4) };
  const run = async (order: number | "exact") =>
    (await attention(elementwise({ order }), backend, { causal: true })(block)).y.data;
  const exact = await run("exact");
  const errors = await Promise.all(
    [2, 4, 8, 16].map(async (order) => Math.max(...(await run(order)).map((y, i) => Math.abs(y - exact[i]!)))),
  );
  expect(errors[0]).toBeGreaterThan(1e-4);
  for (let i = 1; i < errors.length; i++) expect(errors[i]).toBeLessThan(errors[i - 1]! / 3);
  expect(errors[3]).toBeLessThan(1e-9);
});

test.each([6, "exact"] as const)("order %s: v must have the channels of k", async (order) => {
  const block = { q: draw(1, 1, 5, 4), k: draw(2, 1, 5, 4), v: draw(3, 1, 5, 3) };
  await expect(attention(elementwise({ order }), backend)(block)).rejects.toMatchObject({ code: "ATTN_SHAPE" });
});

test.each([1, 3, 5, 7])("odd order %i is refused, with the reason", (order) => {
  expect(() => elementwise({ order })).toThrow(/positive everywhere only if its order is even/);
});

test.each<object>([{ order: 0 }, { order: 22 }, { order: 2.5 }, { order: "6" }, { terms: 7 }])(
  "%o is refused",
  (options) => {
    try {
      elementwise(options);
      expect.unreachable();
    } catch (error) {
      expect(isAttentionError(error, "ATTN_OPTION")).toBe(true);
    }
  },
);

test.each([2, 6, 20])("order %i: the declared state is the one that comes", async (order) => {
  const { state } = await attention(
    elementwise({ order }),
    backend,
  )({
    q: draw(1, 1, 2, 3, 5, 4),
    k: draw(2, 1, 2, 3, 5, 4),
    v: draw(3, 1, 2, 3, 5, 4),
  });
  const declared = elementwise({ order }).state({ B: 2, Hq: 3, Hkv: 3, L: 5, S: 5, d: 4, dv: 4 });
  for (const [name, { shape }] of Object.entries(declared)) expect(state[name]!.shape).toEqual(shape);
});
