/** The claims on D0 and D1 hold for attnkit's mechanisms, and a mechanism that is broken on purpose loses its verdict. */
import type { Mechanism } from "@attnkit/core";
import { linear } from "@attnkit/linear";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import { describe, expect, test, vi } from "vitest";
import type { Claim, Params } from "../src/index.ts";
import { crossAttention, selfAttention } from "../src/superiority/attention-claim.ts";
import { ATTNKIT, type Compared } from "../src/superiority/compared.ts";
import { crossing } from "../src/superiority/crossing.ts";
import { ownQueries, tokens, unit } from "../src/superiority/datasets.ts";
import { degree } from "../src/superiority/degree.ts";
import { attend } from "../src/superiority/network.ts";
import { wilson } from "../src/superiority/proportion.ts";
import { softmaxWeight, transition } from "../src/superiority/transition.ts";
import { measured, verdictOf } from "./superiority-table.ts";

vi.setConfig({ testTimeout: 120_000 });

/** The cells that decide the claims on self- and cross-attention. */
const deciding = ({ d, m, c }: Params) => d === 62 && m === 16 && c === 0.8;

const long = (params: Params) => deciding(params) && params.n === 960;

const leaky = (mechanism: Mechanism): Mechanism => ({
  ...mechanism,
  forward: (o, block, how) => mechanism.forward(o, block, { ...how, causal: true }),
});

const claims: readonly (readonly [Claim, (params: Params) => boolean])[] = [
  [selfAttention(), deciding],
  [crossAttention(), deciding],
  [transition(), () => true],
  [degree(), () => true],
];

describe("attnkit's mechanisms", () => {
  test.each(claims.map(([claim, picked]) => ({ name: claim.name, claim, picked })))(
    "$name is supported, and its figures have finite points",
    async ({ claim, picked }) => {
      const table = await measured(claim, { seeds: 2, picked });
      expect(claim.judge(table)).toMatchObject({ ruling: "supported" });
      const points = claim.figures(table).flatMap(({ panels }) => panels.flatMap(({ series }) => series));
      for (const { points: own } of points) {
        expect(own.length).toBeGreaterThan(0);
        for (const { x, y, low = y, high = y } of own) {
          expect([x, y].every(Number.isFinite)).toBe(true);
          expect(low <= y && y <= high).toBe(true);
        }
      }
    },
  );

  test("few channels, or a large b, raise false alarms on D0", async () => {
    const table = await measured(selfAttention(), { picked: ({ n, d, c }) => n === 240 && (d === 4 || c === 0.1) });
    for (const { values } of table.rows) expect(values.softmaxOnD0).toBeGreaterThan(0.5);
  });
});

describe("a broken mechanism loses the verdict", () => {
  const broken: Readonly<Record<string, Partial<Compared>>> = {
    "softmax with half its scale": { softmax: { mechanism: softmax({ scale: 0.5 }) } },
    "softmax with 1 / sqrt(d)": { softmax: { mechanism: softmax() } },
    "softmax of second order": {
      softmax: { mechanism: polynomial({ coefficients: [1, 1, 0.5], form: "quadratic" }), divide: true },
    },
    "linear attention that is softmax": { linear: ATTNKIT.softmax },
  };
  const refuted = async (claim: Claim, picked: (params: Params) => boolean = () => true) =>
    expect(await verdictOf(claim, { picked })).toMatchObject({ ruling: "not supported" });

  test.each(Object.entries(broken))("%s", async (_, part) => {
    const compared = { ...ATTNKIT, ...part };
    await refuted(selfAttention(compared), long);
    await refuted(crossAttention(compared), long);
    await refuted(transition(compared), ({ n }) => n !== 4096);
  });

  test("softmax that is causal where it should not be", async () =>
    refuted(selfAttention({ ...ATTNKIT, softmax: { mechanism: leaky(softmax({ scale: 1 })) } }), deciding));

  test("softmax whose scale is 5 % too small, found by the transition", async () =>
    refuted(transition({ ...ATTNKIT, softmax: { mechanism: softmax({ scale: 0.95 }) } }), ({ n }) => n !== 4096));

  test("polynomials whose degree is one too low, or always 3", async () => {
    const of = (power: number) => polynomial({ power, form: "quadratic" });
    await refuted(
      degree((power) => of(Math.max(1, power - 1))),
      ({ n }) => n === 60,
    );
    await refuted(
      degree(() => of(3)),
      ({ n }) => n === 60,
    );
  });

  test("linear attention without its normaliser stops its cell", async () => {
    const claim = selfAttention({
      ...ATTNKIT,
      linear: { mechanism: linear({ featureMap: "identity", normalize: false }) },
    });
    await expect(verdictOf(claim, { picked: deciding })).rejects.toThrow(
      /linear: the weights of row 0 add up to .*; a normalised mechanism gives 1/,
    );
  });
});

describe("data", () => {
  const data = { n: 12, d: 5, a: 0.7, b: 0.2, c: 0.8, marked: 4 };

  test("every row adds up to sqrt(log n), the marked one to (1 + a) times as much", () => {
    const { data: x, rows, columns } = tokens(data);
    for (let i = 0; i < rows; i++) {
      const sum = x.subarray(i * columns, (i + 1) * columns).reduce((s, y) => s + y, 0);
      expect(sum).toBeCloseTo(unit(12) * (i === 4 ? 1.7 : 1), 12);
    }
  });

  test("queries of their own have the same sums", () => {
    const { data: x } = ownQueries(3, data, 1, () => 0.3);
    const sums = [0, 1, 2].map((i) => x.subarray(i * 5, i * 5 + 5).reduce((s, y) => s + y, 0) / unit(12));
    expect(sums).toEqual([1, 1.7, 1].map((y) => expect.closeTo(y, 12)));
  });

  test("sizes that do not fit are refused", () => {
    expect(() => tokens({ ...data, d: 6, n: 10 })).toThrow("n must be a multiple of d - 2; got n = 10, d = 6");
    expect(() => tokens({ ...data, marked: 12 })).toThrow("the marked row must be in 0..11; got 12");
  });

  test("the marked row's weight on itself is the closed form", () => {
    const x = tokens({ ...data, n: 300 });
    const { onMarked } = attend(ATTNKIT.softmax, x, x, 4);
    expect(onMarked[4]).toBeCloseTo(softmaxWeight(300, 0.7), 12);
  });
});

test("Wilson's interval has the published values", () => {
  expect(wilson(0, 10)).toMatchObject({ share: 0, low: 0, high: expect.closeTo(0.2775, 4) });
  expect(wilson(5, 10)).toMatchObject({ low: expect.closeTo(0.2366, 4), high: expect.closeTo(0.7634, 4) });
  expect(wilson(300, 300).low).toBeCloseTo(0.9874, 4);
});

test("a logistic curve crosses a level where it should, and one that stays below it nowhere", () => {
  const curve = [0, 1, 2, 3].map((x) => ({ x, weight: 1 / (1 + Math.exp(3 - 2 * x)) }));
  expect(crossing(curve, 0.5)).toBeCloseTo(1.5, 9);
  expect(crossing(curve.slice(0, 2), 0.5)).toBeNaN();
});
