import { attention, type Block, isAttentionError } from "@attnkit/core";
import { cpu, type NdArray } from "@attnkit/cpu";
import { describe, expect, test } from "vitest";
import { type PolynomialOptions, polynomial } from "../src/index.ts";

const backend = cpu({ dtype: "float64" });
const draw = (seed: number, n: number, d: number) =>
  backend.upload(
    Float64Array.from({ length: n * d }, (_, i) => Math.sin(seed * 10 + 1.9 * i)),
    [n, d],
  );
const block = (d: number, n = 20): Block<NdArray> => ({ q: draw(1, n, d), k: draw(2, n, d), v: draw(3, n, 2) });

async function rejected(code: "ATTN_OPTION" | "ATTN_UNSUPPORTED" | "ATTN_STATE", act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    expect(isAttentionError(error, code), String(error)).toBe(true);
    return (error as Error).message;
  }
  return expect.unreachable();
}

describe('form "auto"', () => {
  test.each([
    [1, 1000, "a"],
    [2, 64, "a"],
    [2, 65, "k"],
    [3, 22, "a"],
    [3, 23, "k"],
  ])("power %i with d = %i keeps %s", (power, d, entry) => {
    const dims = { B: 1, Hq: 1, Hkv: 1, L: 1, S: 1, d, dv: 2 };
    expect(Object.keys(polynomial({ power }).state(dims))[0]).toBe(entry);
  });

  test("is quadratic for a block with a mask, and goes on with the state it is given", async () => {
    const attend = attention(polynomial(), backend, { causal: true });
    const mask = backend.upload(new Uint8Array(20).fill(1), [20]);
    const masked = await attend({ ...block(4), mask });
    expect(Object.keys(masked.state)).toEqual(["k", "v"]);
    expect(Object.keys((await attend({ ...block(4), state: masked.state })).state)).toEqual(["k", "v"]);
    const folded = await attend(block(4));
    expect(Object.keys(folded.state)).toEqual(["a", "n"]);
    const longer = backend.upload(new Uint8Array(20).fill(1), [20]);
    expect(
      await rejected("ATTN_UNSUPPORTED", () => attend({ ...block(4), mask: longer, state: folded.state })),
    ).toContain("mask");
  });

  test.each([
    [{ power: 1 }, 5],
    [{ power: 2 }, 5],
    [{ power: 3 }, 5],
    [{ power: 5 }, 2],
    [{ coefficients: [0.5, 0, 2] }, 4],
    [{ coefficients: [1, -1, 0, 0.25] }, 3],
    [{ power: 2, normalizer: 7 }, 5],
  ] as [PolynomialOptions, number][])("both forms of %o agree", async (options, d) => {
    for (const causal of [true, false]) {
      const run = async (form: "linear" | "quadratic") =>
        attention(polynomial({ ...options, form }), backend, { causal })(block(d, 150));
      const [linear, quadratic] = [await run("linear"), await run("quadratic")];
      quadratic.y.data.forEach((x, i) => {
        expect(linear.y.data[i]).toBeCloseTo(x, 9);
      });
    }
  });
});

test("a linear form with more features than memory is refused, with the number", async () => {
  const attend = attention(polynomial({ power: 4, form: "linear" }), backend);
  expect(await rejected("ATTN_OPTION", () => attend(block(64, 2)))).toContain("766480");
});

test("a state of the other form is refused", async () => {
  const { state } = await attention(polynomial({ form: "quadratic" }), backend)(block(4));
  await rejected("ATTN_STATE", () => attention(polynomial({ form: "linear" }), backend)({ ...block(4), state }));
});

test("there is no lse", () => rejected("ATTN_UNSUPPORTED", () => attention(polynomial(), backend, { lse: true })));

test("the domain shrinks with the power, so that scores to the power stay far below overflow", () => {
  expect(polynomial({ power: 3 }).domain.q).toBe(100);
  const { q } = polynomial({ power: 12 }).domain;
  expect(q).toBeLessThan(100);
  expect((q * q * Math.sqrt(256)) ** 12).toBeLessThan(1.01e32);
});

test.each<[string, object]>([
  ["power", { power: 0 }],
  ["power", { power: 1.5 }],
  ["power", { power: 13 }],
  ["coefficients", { power: 2, coefficients: [1] }],
  ["coefficients", { coefficients: [] }],
  ["coefficients", { coefficients: [0, 0] }],
  ["coefficients", { coefficients: [1, Number.NaN] }],
  ["normalizer", { normalizer: "sum" }],
  ["normalizer", { normalizer: "fixed" }],
  ["normalizer", { normalizer: 0 }],
  ["normalizer", { normalizer: Number.POSITIVE_INFINITY }],
  ["n", { n: 16 }],
  ["form", { form: "cubic" }],
  ["degree", { degree: 2 }],
])("option %s in %o is refused", async (name, options) => {
  expect(await rejected("ATTN_OPTION", () => polynomial(options))).toContain(`option ${name}`);
});
