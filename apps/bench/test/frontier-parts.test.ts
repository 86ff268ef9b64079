import { mechanisms } from "@attnkit/catalog";
import { attention } from "@attnkit/core";
import { cpu, type NdArray } from "@attnkit/cpu";
import { elementwise } from "@attnkit/elementwise";
import { embed } from "@attnkit/measure/embed";
import { stateAfter, stateBytes, subject } from "@attnkit/measure/subject";
import { softmax } from "@attnkit/softmax";
import { describe, expect, test } from "vitest";
import { TOLERANCE } from "../src/frontier/accuracy.ts";
import { bytesCrossover, crossing, timeCrossover } from "../src/frontier/crossover.ts";
import { meanCosine, relativeDistance } from "../src/frontier/distance.ts";
import { uniformCausalEntropy } from "../src/frontier/frontier.ts";
import { undominated } from "../src/frontier/pareto.ts";
import { stateSize } from "../src/frontier/state-size.ts";
import { productError, statisticsOf, weightsOf } from "../src/frontier/weights.ts";
import type { HostBlock } from "../src/input/tensors.ts";

describe("distance", () => {
  test("of an output to itself it is 0, of a known pair as computed by hand", () => {
    const y = Float32Array.of(3, 4, 0, 5);
    expect([relativeDistance(y, y), meanCosine(y, y, 2)]).toEqual([0, 1]);
    // ||(0, 3) - (3, 4)||^2 = 10, ||(0, 0) - (0, 5)||^2 = 25, ||y||^2 = 50
    expect(relativeDistance(Float32Array.of(0, 3, 0, 0), y)).toBeCloseTo(Math.sqrt(35 / 50), 12);
    // cos((0, 3), (3, 4)) = 12 / 15; a row of zeros beside another has the cosine 0.
    expect(meanCosine(Float32Array.of(0, 3, 0, 0), y, 2)).toBeCloseTo(0.4, 12);
  });

  test("the cosine is blind to a factor, the distance is not", () => {
    const y = Float64Array.of(1, 2, 3, -4);
    const twice = y.map((x) => 2 * x);
    expect([relativeDistance(twice, y), meanCosine(twice, y, 2)]).toEqual([1, expect.closeTo(1, 12)]);
  });

  test("zeros: equal ones are no distance away, others infinitely far", () => {
    const zero = new Float64Array(2);
    expect([relativeDistance(zero, zero), meanCosine(zero, zero, 2)]).toEqual([0, 1]);
    expect(relativeDistance(Float64Array.of(1, 0), zero)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("weights", () => {
  const host = cpu({ dtype: "float64" });
  const up = (x: HostBlock["q"]) => host.upload(x.data, x.shape);
  const callOf = (mechanism: Parameters<typeof attention>[0], causal: boolean) => {
    const attend = attention<NdArray>(mechanism as ReturnType<typeof softmax>, host, { causal });
    return async ({ q, k, v }: HostBlock) => host.download((await attend({ q: up(q), k: up(k), v: up(v) })).y);
  };
  const tensor = (shape: number[], f: (i: number) => number) => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
  });

  test("zero queries have uniform weights: entropy ln N, Frobenius norm 1", async () => {
    const N = 8;
    const block = { q: tensor([N, 3], () => 0), k: tensor([N, 3], Math.sin), v: tensor([N, 2], Math.cos) };
    const weights = await weightsOf(callOf(softmax(), false), block, false);
    expect(weights.shape).toEqual([N, N]);
    for (const w of weights.data) expect(w).toBeCloseTo(1 / N, 12);
    const { entropy, norm } = statisticsOf(weights, 1e-9);
    expect([entropy, norm]).toEqual([expect.closeTo(Math.log(N), 12), expect.closeTo(1, 12)]);
  });

  test("uniform causal weights have the mean entropy of ln(i + 1)", async () => {
    const block = {
      q: tensor([1, 1, 5, 3], () => 0),
      k: tensor([1, 1, 5, 3], Math.sin),
      v: tensor([1, 1, 5, 2], Math.cos),
    };
    const { entropy } = statisticsOf(await weightsOf(callOf(softmax(), true), block, false), 1e-9);
    expect(entropy).toBeCloseTo(uniformCausalEntropy(5), 12);
    expect(uniformCausalEntropy(2)).toBeCloseTo(Math.log(2) / 2, 12);
  });

  test("identity weights: entropy 0, norm sqrt N; the mean over heads", () => {
    const eye = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    const data = Float64Array.from([...eye, ...Array<number>(9).fill(1 / 3)]);
    expect(statisticsOf({ shape: [2, 3, 3], data }, 1e-9)).toEqual({
      entropy: expect.closeTo(Math.log(3) / 2, 12),
      norm: expect.closeTo((Math.sqrt(3) + 1) / 2, 12),
    });
  });

  test("rows that are no distribution have a norm and no entropy; rows that see nothing do not count", () => {
    expect(statisticsOf({ shape: [1, 2], data: Float64Array.of(3, 4) }, 1e-3)).toEqual({ entropy: null, norm: 5 });
    expect(statisticsOf({ shape: [1, 2], data: Float64Array.of(-0.5, 1.5) }, 1e-3).entropy).toBeNull();
    const half = Float64Array.of(0, 0, 0.5, 0.5);
    expect(statisticsOf({ shape: [2, 2], data: half }, 1e-3).entropy).toBeCloseTo(Math.log(2), 12);
  });

  test("grouped heads and channels with weights of their own: W v is y", async () => {
    const shapes = { q: [2, 4, 6, 3], k: [2, 2, 6, 3], v: [2, 2, 6, 3] };
    const block = {
      q: tensor(shapes.q, (i) => Math.sin(i)),
      k: tensor(shapes.k, (i) => Math.cos(1.7 * i)),
      v: tensor(shapes.v, (i) => Math.sin(2.3 * i)),
    };
    for (const [mechanism, perChannel] of [
      [softmax(), false],
      [elementwise({ order: "exact" }), true],
    ] as const) {
      const call = callOf(mechanism as ReturnType<typeof softmax>, true);
      const weights = await weightsOf(call, block, perChannel);
      expect(weights.shape).toEqual(perChannel ? [2, 4, 3, 6, 6] : [2, 4, 6, 6]);
      expect(productError(weights, block, await call(block))).toBeLessThan(1e-12);
      // One wrong weight is noticed.
      weights.data[weights.data.length - 1]! += 0.1;
      expect(productError(weights, block, await call(block))).toBeGreaterThan(TOLERANCE.float64);
    }
    // exp(-(q_c - k_c)^2), normalised over the keys, by hand for the last row of the first head's channel 1.
    const { data } = await weightsOf(callOf(elementwise({ order: "exact" }) as never, true), block, true);
    const own = Array.from({ length: 6 }, (_, j) =>
      Math.exp(-((block.q.data[5 * 3 + 1]! - block.k.data[j * 3 + 1]!) ** 2)),
    );
    const total = own.reduce((a, b) => a + b, 0);
    for (const [j, w] of own.entries()) expect(data[(1 * 6 + 5) * 6 + j]).toBeCloseTo(w / total, 10);
  });
});

describe("crossover", () => {
  test("of bytes: the first length at which the state is smaller, exactly", () => {
    // 8 bytes per token against 64: equal at 8 tokens, smaller at 9.
    expect(bytesCrossover({ fixed: 64, perToken: 0 }, { fixed: 0, perToken: 8 })).toBe(9);
    expect(bytesCrossover({ fixed: 63, perToken: 0 }, { fixed: 0, perToken: 8 })).toBe(8);
    expect(bytesCrossover({ fixed: 4, perToken: 0 }, { fixed: 0, perToken: 8 })).toBe(1);
    expect(bytesCrossover({ fixed: 4, perToken: 8 }, { fixed: 0, perToken: 8 })).toBeNull();
    expect(bytesCrossover({ fixed: 0, perToken: 9 }, { fixed: 0, perToken: 8 })).toBeNull();
  });

  test("of times: between two contexts on logarithmic axes, or outside of all", () => {
    const at = (...ratios: number[]) => crossing(ratios.map((ratio, i) => ({ tokens: 100 * 4 ** i, ratio })));
    expect(at(2, 0.5)).toEqual({ where: "at", tokens: expect.closeTo(200, 9) });
    expect(at(4, 2, 0.25)).toEqual({ where: "at", tokens: expect.closeTo(400 * 4 ** (1 / 3), 9) });
    // A ratio that rises above 1 again does not count: faster for good only from there.
    expect(at(0.5, 2, 0.5)).toEqual({ where: "at", tokens: expect.closeTo(800, 9) });
    expect(at(0.9, 0.5)).toEqual({ where: "below", tokens: 100 });
    expect(at(0.9, 1)).toEqual({ where: "above", tokens: 400 });
  });

  test("times that grow as the context does cross where they are equal", () => {
    const contexts = [64, 256, 1024].map((tokens) => ({
      tokens,
      own: [1, 1.01, 0.99],
      other: [tokens / 200, tokens / 199, tokens / 201],
    }));
    const found = timeCrossover(contexts)!;
    expect(found.where).toBe("at");
    expect(found.tokens).toBeCloseTo(200, 0);
    expect(found.low.tokens).toBeLessThanOrEqual(found.tokens);
    expect(found.high.tokens).toBeGreaterThanOrEqual(found.tokens);
    expect(timeCrossover(contexts.slice(1, 2))).toBeNull();
  });

  test.each(mechanisms.map((m) => [m.name, m] as const))(
    "the declared state of %s has the bytes that it takes",
    async (_, entry) => {
      const sequence = embed(new TextEncoder().encode("states"), { seed: 1, length: 12, heads: 2, kvHeads: 1, dim: 4 });
      const s = await subject({ entry, options: entry.variants[0]! }, cpu() as never, "cpu", sequence, "prefer");
      const { fixed, perToken } = stateSize(s);
      for (const n of [3, 11]) expect(await stateBytes(s, await stateAfter(s, n))).toBe(fixed + perToken * n);
    },
  );
});

test("what no other point beats", () => {
  const points = [
    { name: "exact", distance: 0, cost: 9 },
    { name: "middle", distance: 1, cost: 5 },
    { name: "beaten", distance: 2, cost: 5 },
    { name: "cheap", distance: 3, cost: 1 },
    { name: "twin", distance: 3, cost: 1 },
  ];
  expect(undominated(points).map((p) => p.name)).toEqual(["exact", "middle", "cheap", "twin"]);
});
