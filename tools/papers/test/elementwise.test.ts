/** The claims on element-wise attention, and mechanisms that are broken on purpose. */
import type { Mechanism } from "@attnkit/core";
import { elementwise } from "@attnkit/elementwise";
import { softmax } from "@attnkit/softmax";
import { describe, expect, test, vi } from "vitest";
import { contenders } from "../src/constant-cost/contenders.ts";
import { argmaxShift } from "../src/elementwise/argmax-shift.ts";
import { decodeCost } from "../src/elementwise/decode-cost.ts";
import { drawStep, keptBytes } from "../src/elementwise/kept.ts";
import { oddOrder } from "../src/elementwise/odd-order.ts";
import { COMPARED, type OfOrder, ofOrder } from "../src/elementwise/subjects.ts";
import { taylorError } from "../src/elementwise/taylor-error.ts";
import { trainingMemory } from "../src/elementwise/training-memory.ts";
import { trainingTime } from "../src/elementwise/training-time.ts";
import type { Claim, Params, Table, Values } from "../src/index.ts";
import { tableOf } from "../src/run/index.ts";
import { measured, verdictOf } from "./superiority-table.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Answers as another order does. */
const planted =
  (instead: Readonly<Record<string, Mechanism>>): OfOrder =>
  (order) =>
    instead[order] ?? ofOrder(order);

/** Draws the figures and checks that every point is finite and inside its interval. */
function drawn(claim: Claim, table: Table): void {
  const series = claim.figures(table).flatMap(({ panels }) => panels.flatMap((panel) => panel.series));
  expect(series.length).toBeGreaterThan(0);
  for (const { points } of series) {
    expect(points.length).toBeGreaterThan(0);
    for (const { x, y, low = y, high = y } of points) {
      expect([x, y].every(Number.isFinite)).toBe(true);
      expect(low <= y && y <= high).toBe(true);
    }
  }
}

describe("taylor-error", () => {
  test("the series is near the exact form for small inputs alone", async () => {
    const table = await measured(taylorError(), { seeds: 3 });
    expect(taylorError().judge(table)).toMatchObject({ ruling: "supported" });
    drawn(taylorError(), table);
    const at = (deviation: number, column: string) => table.where({ deviation }).spread(column).mean;
    // Near 0 alone is the series close; the size of the output depends on the number of keys.
    expect(at(0.5, "error of EA-6")).toBeCloseTo(0.001, 2);
    expect(at(1, "relative error of EA-6")).toBeGreaterThan(0.2);
    expect(at(3, "relative error of EA-12")).toBeGreaterThan(0.7);
  });

  test.each<readonly [string, OfOrder]>([
    ["EA-6 that answers as EA-2", planted({ 6: ofOrder(2) })],
    ["an exact form that is EA-6", planted({ exact: ofOrder(6) })],
    ["an exact form that is softmax", planted({ exact: softmax() })],
  ])("%s is not supported", async (_, of) => {
    const near = ({ deviation }: Params) => [0.58, 1, 2, 3].includes(Number(deviation));
    expect(await verdictOf(taylorError(of), { picked: near })).toMatchObject({ ruling: "not supported" });
  });
});

describe("argmax-shift", () => {
  test("the most attended key of the series stops near sqrt(n / 2), and its sign is lost", async () => {
    const table = await measured(argmaxShift(), { seeds: 2 });
    expect(argmaxShift().judge(table)).toMatchObject({ ruling: "not supported" });
    drawn(argmaxShift(), table);
    const of = (order: number | "exact", column: string) => table.where({ order }).spread(column).mean;
    expect(of("exact", "most attended key at 5")).toBeCloseTo(5, 1);
    expect(of(2, "most attended key at 20")).toBeCloseTo(1, 1);
    expect(of(6, "most attended key at 20")).toBeCloseTo(Math.sqrt(3), 1);
    // The weight of k over that of -k, from docs/math.md.
    expect(of(6, "w(k) / w(-k) at 2") / 8.1).toBeCloseTo(1, 1);
    expect(of(6, "w(k) / w(-k) at 20") / 1.2).toBeCloseTo(1, 1);
  });

  test("a series that finds every key is supported", async () => {
    const { rows } = await measured(argmaxShift(), { picked: ({ order }) => order === "exact" });
    const like = [2, 6].flatMap((order) => rows.map((row) => ({ ...row, params: { order } })));
    const both = like.map((row) => ({
      ...row,
      values: { ...row.values, "most attended key at 20": 20, "w(k) / w(-k) at 20": 9 },
    }));
    expect(argmaxShift().judge(tableOf([...rows, ...both]))).toMatchObject({ ruling: "supported" });
  });

  test.each<readonly [string, OfOrder, Params]>([
    ["EA-6 that answers as EA-2", planted({ 6: ofOrder(2) }), { order: 6 }],
    ["an exact form that is EA-20", planted({ exact: ofOrder(20) }), { order: "exact" }],
  ])("%s stops its cell", async (_, of, params) => {
    const picked = ({ order }: Params) => order === params.order;
    await expect(verdictOf(argmaxShift(of), { picked })).rejects.toThrow(/differs from its formula/);
  });
});

describe("odd-order", () => {
  test("t terms give denominators that are not positive, the order t never", async () => {
    const table = await measured(oddOrder(), { seeds: 1 });
    expect(oddOrder().judge(table)).toMatchObject({ ruling: "not supported" });
    drawn(oddOrder(), table);
    const minima = [2, 4, 6, 8].map((t) => table.where({ t }).spread("minimum of P_t").mean);
    expect(minima).toEqual([0.5, 0.2704, 0.1493, 0.0833].map((x) => expect.closeTo(x, 4)));
    for (const t of [2, 6]) {
      expect(table.where({ t }).spread("share <= 0 with t terms").mean).toBeGreaterThan(0.01);
      expect(table.where({ t }).spread("share <= 0 with order t").mean).toBe(0);
    }
  });

  test("a mechanism that accepts odd orders stops its cell", async () => {
    const lax: OfOrder = (order) =>
      elementwise({ order: order === "exact" ? order : 2 * Math.ceil(Number(order) / 2) });
    await expect(verdictOf(oddOrder(lax))).rejects.toThrow("order 1 was made, expected ATTN_OPTION");
  });
});

describe("training-memory", async () => {
  const right = await measured(trainingMemory());

  test("bytes kept are linear for the series, quadratic for softmax", () => {
    expect(trainingMemory().judge(right)).toMatchObject({ ruling: "supported" });
    drawn(trainingMemory(), right);
  });

  test("the weights of softmax are among the bytes", () => {
    const bytes = (L: number) => keptBytes(COMPARED.softmax!, false, drawStep(1, L));
    const [small, large] = [bytes(256), bytes(512)];
    // Whole arrays [L, L] in float32: what is left over is linear in L.
    const squares = (large - 2 * small) / (4 * (512 ** 2 - 2 * 256 ** 2));
    expect(Math.abs(squares - Math.round(squares))).toBeLessThan(0.1);
    expect(squares).toBeGreaterThan(0.9);
  });

  test.each<readonly [string, Mechanism]>([
    ["EA-6 that answers as EA-2", ofOrder(2)],
    ["EA-6 that keeps a weight per pair of tokens", softmax()],
  ])("%s is not supported", async (_, mechanism) => {
    const claim = trainingMemory({ ...COMPARED, "EA-6": mechanism });
    const here = (params: Params) => params.mechanism === "EA-6" && params.causal === false;
    const { rows } = await measured(claim, { picked: here });
    const table = tableOf([...right.rows.filter(({ params }) => !here(params)), ...rows]);
    expect(claim.judge(table)).toMatchObject({ ruling: "not supported" });
  });
});

/** Rows of three seeds in which a time grows as `L^exponent`. */
function timed(quantity: string, exponents: Readonly<Record<string, number>>, more: (name: string) => Values): Table {
  return tableOf(
    Object.entries(exponents).flatMap(([mechanism, exponent]) =>
      [1, 2, 3].map((seed) => ({
        ...{ params: { mechanism }, seed },
        values: {
          ...Object.fromEntries([1024, 2048].map((L) => [`${quantity} at ${L}`, L ** exponent + seed / 100])),
          ...{ exponent: exponent + seed / 1000, "standard error": 0.01, ...more(mechanism) },
        },
      })),
    ),
  );
}

describe("training-time", () => {
  const ruling = (exponents: Readonly<Record<string, number>>) =>
    trainingTime().judge(timed("ms", exponents, () => ({}))).ruling;

  test("the rule", () => {
    expect(ruling({ "EA-2": 1, "EA-6": 1.02, softmax: 1.95 })).toBe("supported");
    expect(ruling({ "EA-2": 1, "EA-6": 2, softmax: 2 })).toBe("not supported");
    expect(ruling({ "EA-2": 1, "EA-6": 1, softmax: 1.2 })).toBe("not decidable at this size");
    expect(ruling({ "EA-2": 1, "EA-6": 1.3, softmax: 2 })).toBe("not decidable at this size");
  });
});

describe("decode-cost", () => {
  const right = (name: string): Values =>
    Object.fromEntries(
      [1024, 2048].map((L) => [`bytes at ${L}`, { "elementwise 2": 448, "elementwise 6": 960 }[name] ?? 128 * L]),
    );
  const flat = { "elementwise 2": 0.01, "elementwise 6": 0.01, softmax: 1 };
  const ruling = (exponents: typeof flat, bytes = right) => decodeCost().judge(timed("us", exponents, bytes)).ruling;

  test("the rule", () => {
    expect(ruling(flat)).toBe("supported");
    expect(ruling({ ...flat, "elementwise 6": 1 })).toBe("not supported");
    expect(ruling({ ...flat, softmax: 0 })).toBe("not decidable at this size");
    // EA-6 with the state of EA-2, and a state that grows.
    expect(ruling(flat, (name) => right(name === "softmax" ? name : "elementwise 2"))).toBe("not supported");
    expect(ruling(flat, () => right("softmax"))).toBe("not supported");
  });

  test("EA-6 that answers as EA-2 stops its cell", async () => {
    const six = contenders["elementwise 6"]!;
    const lower = { ...six, about: { ...six.about, create: () => ofOrder(2) } };
    const picked = ({ mechanism }: Params) => mechanism === "elementwise 6";
    await expect(verdictOf(decodeCost({ ...contenders, "elementwise 6": lower }), { picked })).rejects.toThrow(
      /times the allowed error/,
    );
  });
});
