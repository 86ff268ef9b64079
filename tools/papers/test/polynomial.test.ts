/** The claims on polynomial attention, and mechanisms that are broken on purpose. */
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import { describe, expect, test, vi } from "vitest";
import type { CellContext, Claim, Params, Row, Values } from "../src/index.ts";
import { digitsClaim } from "../src/polynomial/digits.ts";
import { duplicateTask } from "../src/polynomial/duplicate-data.ts";
import { duplicateClaim } from "../src/polynomial/duplicate-task.ts";
import { expectedNorm } from "../src/polynomial/gaussian.ts";
import { ACCURACY, LOSS, learn, normAt, SHARES } from "../src/polynomial/learn.ts";
import { lowest } from "../src/polynomial/lowest.ts";
import { normAtInitialisation } from "../src/polynomial/norm-at-initialisation.ts";
import { normInTraining } from "../src/polynomial/norm-in-training.ts";
import { scaleFalls } from "../src/polynomial/scale-falls.ts";
import { exponent } from "../src/polynomial/slope.ts";
import { cubic, VARIANTS, type Variant, type Variants } from "../src/polynomial/variants.ts";
import { tableOf } from "../src/run/table.ts";
import type { Table } from "../src/table.ts";
import { measured } from "./superiority-table.ts";

vi.setConfig({ testTimeout: 120_000 });

const context = (change: Partial<CellContext> = {}): CellContext => ({
  ...{ seed: 1, size: "default", signal: new AbortController().signal, progress: () => undefined },
  ...change,
});

/** The variants with another mechanism in the place of one. */
const planted = (name: string, mechanism: Variant["mechanism"]): Variants => ({
  ...VARIANTS,
  [name]: { ...VARIANTS[name]!, mechanism },
});

/** A table of three seeds: `values(params, seed)` for every cell of a claim. */
const made = (claim: Claim, values: (params: Params, seed: number) => Values): Table =>
  tableOf(
    claim
      .cells("default")
      .flatMap((params) => [1, 2, 3].map((seed): Row => ({ params, seed, values: values(params, seed) }))),
  );

const of = (power: number, normalizer: number | "visible" = "visible") =>
  polynomial({ power, normalizer, form: "quadratic" });

describe("norms at initialisation", async () => {
  const short = ({ n }: Params) => Number(n) <= 128;
  const right = await measured(normAtInitialisation(), { seeds: 2, picked: short });

  /** The ruling after the cells of one activation are measured again with another mechanism. */
  async function rulingWith(name: string, mechanism: Variant["mechanism"]): Promise<string> {
    const claim = normAtInitialisation(planted(name, mechanism));
    const again = await measured(claim, { seeds: 2, picked: (params) => short(params) && params.activation === name });
    return claim.judge(tableOf([...right.rows.filter(({ params }) => params.activation !== name), ...again.rows]))
      .ruling;
  }

  test("are those of the theorems", () => {
    const claim = normAtInitialisation();
    expect(claim.judge(right)).toMatchObject({ ruling: "supported" });
    expect(claim.figures(right)[0]!.panels.map(({ series }) => series.length)).toEqual([4, 5]);
  });

  test.each([
    ["a scale that is dropped", "x^3/sqrt(N)", of(3, 1)],
    ["a power that is lowered", "x^3", of(2, 1)],
    ["a power that is lowered under the scale", "x^2/sqrt(N)", of(1)],
    ["1/N in place of 1/sqrt(N)", "x/sqrt(N)", of(1, 128 ** 2)],
    [
      "softmax without its normaliser",
      "softmax",
      polynomial({ coefficients: [1, 1, 0.5, 1 / 6], normalizer: 1, form: "quadratic" }),
    ],
  ])("%s turns the verdict", async (_, name, mechanism) => {
    expect(await rulingWith(name, mechanism)).toBe("not supported");
  });

  test("the closed form is the mean of squares of products of independent normal numbers", () => {
    // d = 1: E (x_i x_j g h)^2p is a product of moments 1, 3, 15, 105.
    expect(expectedNorm(1, 3, 1)).toBeCloseTo(Math.sqrt(3 * (2 * 1 + 3)), 12);
    expect(expectedNorm(2, 3, 1)).toBeCloseTo(Math.sqrt(3 * (2 * 81 + 9 * 105)), 9);
  });
});

describe("training stops for a mechanism that is not the activation of its name", () => {
  const stopped = (claim: Claim, params: Params) =>
    expect(claim.measure(params, context())).rejects.toThrow(/the weight of query \d+ on key \d+ is .*, expected /);

  test("a scale that is dropped", async () => {
    await stopped(digitsClaim(planted("x^3/sqrt(N)", of(3, 1))), { activation: "x^3/sqrt(N)", N: 16 });
    await stopped(
      scaleFalls((alpha) => ({ ...cubic(alpha), mechanism: of(3, 1) })),
      { N: 8, alpha: 0.25 },
    );
  });
  test("a power that is lowered", async () => {
    await stopped(duplicateClaim(planted("x^3", of(2, 1))), { activation: "x^3", N: 16 });
    await stopped(normInTraining(planted("x^2", of(1, 1))), { activation: "x^2", N: 16 });
    await stopped(
      scaleFalls((alpha) => ({ ...cubic(alpha), mechanism: of(2, alpha ** -2) })),
      { N: 8, alpha: 0.25 },
    );
  });
  test("softmax with another temperature, or a causal one", async () => {
    await stopped(digitsClaim(planted("softmax", softmax({ scale: 1 }))), { activation: "softmax", N: 16 });
    const whole = softmax();
    const leaky = {
      ...whole,
      forward: (o, block, how) => whole.forward(o, block, { ...how, causal: true }),
    } as typeof whole;
    await stopped(digitsClaim(planted("softmax", leaky)), { activation: "softmax", N: 16 });
  });
});

describe("the best scale", () => {
  /** A loss with its minimum at `best(N)`, a little elsewhere for each seed. */
  const ruling = (best: (n: number, seed: number) => number) =>
    scaleFalls().judge(
      made(scaleFalls(), ({ N, alpha }, seed) => ({
        [ACCURACY]: 0.5,
        [LOSS]: 1 + Math.log(Number(alpha) / best(Number(N), seed)) ** 2,
      })),
    );

  test("falls, stays, or cannot be told", () => {
    expect(ruling((n, seed) => (0.3 + 0.02 * seed) / Math.sqrt(n))).toMatchObject({ ruling: "supported" });
    expect(ruling((_, seed) => 0.1 + 0.02 * seed)).toMatchObject({ ruling: "not supported" });
    expect(ruling((n, seed) => 0.15 * n ** (seed - 2.4))).toMatchObject({ ruling: "not decidable at this size" });
    expect(ruling((n) => 1e-5 / n)).toMatchObject({ ruling: "not decidable at this size" });
  });
  test("has an exponent of -1/2 where it should", () => {
    expect(ruling((n) => 0.3 / Math.sqrt(n)).measured).toContain("The exponent of N is -0.50 (-0.50 to -0.50)");
  });
  test("runs that diverged at every scale decide nothing", () => {
    const nan = made(scaleFalls(), () => ({ [ACCURACY]: Number.NaN, [LOSS]: Number.NaN }));
    expect(scaleFalls().judge(nan)).toMatchObject({ ruling: "not decidable at this size" });
    expect(scaleFalls().figures(nan)[0]!.panels[1]!.series[0]!.points).toEqual([]);
  });
  test("is the vertex of a parabola, the edge, or the number beside a divergence", () => {
    const at = (...ys: number[]) => lowest(ys.map((y, x) => ({ x, y })));
    expect(at(5, 1, 2)).toEqual({ at: 1.3, edge: false });
    expect(at(1, 2, 3)).toEqual({ at: 0, edge: true });
    expect(at(3, 1, Number.NaN)).toEqual({ at: 1, edge: false });
    expect(at(Number.NaN, Number.NaN).at).toBeNaN();
  });
});

describe("rules on accuracy and norms", () => {
  const values = (accuracy: number, norm: number): Values => ({
    ...{ [ACCURACY]: accuracy, [LOSS]: 1 },
    ...Object.fromEntries(SHARES.flatMap((share) => [0, 1].map((block) => [normAt(block, share), norm]))),
  });
  /** Rulings where the activations have these accuracies, and 0.8 otherwise, and all have this norm. */
  const ruling = (claim: Claim, accuracies: Readonly<Record<string, number>>, norm = 5) =>
    claim.judge(
      made(claim, ({ activation }, seed) =>
        values((accuracies[String(activation)] ?? 0.8) + 0.002 * seed ** 2, norm + 0.1 * seed),
      ),
    ).ruling;

  test("digits", () => {
    expect(ruling(digitsClaim(), { x: 0.5 })).toBe("supported");
    expect(ruling(digitsClaim(), {})).toBe("not supported");
    expect(ruling(digitsClaim(), { x: 0.5, "x^3/sqrt(N)": 0.7 })).toBe("not supported");
    expect(ruling(digitsClaim(), { softmax: 0.2, x: 0.1 })).toBe("not decidable at this size");
    expect(ruling(digitsClaim(), { x: 0.5, "x^3/sqrt(N)": Number.NaN })).toBe("not supported");
  });
  test("duplicate task", () => {
    expect(ruling(duplicateClaim(), { "x^3/sqrt(N)": 0.3 })).toBe("supported");
    expect(ruling(duplicateClaim(), { "x^3/sqrt(N)": 0.3, "x^2/sqrt(N)": 0.3 })).toBe("not supported");
    expect(ruling(duplicateClaim(), { softmax: 0.1 })).toBe("not decidable at this size");
  });
  test("norms", () => {
    expect(ruling(normInTraining(), {}, 5)).toBe("supported");
    expect(ruling(normInTraining(), {}, 100)).toBe("not supported");
    expect(ruling(normInTraining(), { "x^2/sqrt(N)": 0.2, "x^3/sqrt(N)": 0.2 }, 100)).toBe(
      "not decidable at this size",
    );
  });
  test("figures leave out runs that diverged", () => {
    const claim = digitsClaim();
    const table = made(claim, ({ activation }) =>
      values(activation === "x^3" ? Number.NaN : 0.8, activation === "x^3" ? Number.NaN : 5),
    );
    const series = claim.figures(table)[0]!.panels[0]!.series;
    expect(series.map(({ points }) => points.length)).toEqual([1, 1, 1, 1, 1, 0, 1]);
    expect(normInTraining().figures(table)[0]!.panels).toHaveLength(2);
  });
});

describe("training", () => {
  const task = (steps: number) => duplicateTask(8, steps, 3);

  test("learns, reports norms of every block, and repeats itself", async () => {
    const told: number[] = [];
    const run = () =>
      learn("x^2/sqrt(N)", VARIANTS["x^2/sqrt(N)"]!, task(40), context({ progress: (share) => told.push(share) }));
    const [first, second] = [await run(), await run()];
    expect(first).toEqual(second);
    expect(first[ACCURACY]).toBeGreaterThan(1.5 / 16);
    expect(first[LOSS]).toBeLessThan(Math.log(16));
    for (const share of SHARES) for (const block of [0, 1]) expect(first[normAt(block, share)]).toBeGreaterThan(0);
    expect(told.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, i) => (i + 1) / 40));
  });
  test("is stopped by the signal between steps", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(learn("softmax", VARIANTS.softmax!, task(10), context({ signal }))).rejects.toThrow("stop");
  });
  test("an unknown activation is refused", () => {
    expect(() => digitsClaim().measure({ activation: "x^4", N: 16 }, context())).toThrow(
      "no activation x^4; expected one of",
    );
  });
});

test("the exponent of a power law is exact", () => {
  expect(exponent([1, 2, 8].map((x) => ({ x, y: 3 * x ** -0.5 })))).toBeCloseTo(-0.5, 12);
});
