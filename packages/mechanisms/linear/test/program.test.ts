import { attention, type Block, isAttentionError } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import { cpu, type NdArray } from "@attnkit/cpu";
import { describe, expect, test } from "vitest";
import { type FeatureMap, type LinearOptions, linear } from "../src/index.ts";
import { linearReference } from "../src/reference.ts";

const backend = cpu({ dtype: "float64" });
const draw = (seed: number, n: number, d: number) =>
  Array.from({ length: n }, (_, i) => Array.from({ length: d }, (_, c) => 1.5 * Math.sin(seed + 3 * i + 1.3 * c)));
const up = (m: number[][]) => backend.upload(Float64Array.from(m.flat()), [m.length, m[0]!.length]);
const [q, k, v] = [draw(1, 70, 3), draw(2, 70, 3), draw(3, 70, 2)];
const block: Block<NdArray> = { q: up(q), k: up(k), v: up(v) };

const refused = (code: "ATTN_OPTION" | "ATTN_UNSUPPORTED", part: string, act: () => unknown) => {
  try {
    act();
    expect.unreachable();
  } catch (error) {
    expect(isAttentionError(error, code), String(error)).toBe(true);
    expect((error as Error).message).toContain(part);
  }
};

/** Squares and a constant: not one of the package's maps, and of another size. */
const squares: FeatureMap = {
  name: "squares",
  positive: true,
  domain: 50,
  size: (d) => d + 1,
  map: <T>(o: Ops<T>, x: T) => o.concat([o.mul(x, x), o.where(o.slice(x, -1, 0, 1), 1, 1)], -1),
};

describe("a feature map of one's own", () => {
  const phi = (x: readonly number[]) => [...x.map((a) => a * a), 1];

  test.each([true, false])("gives what its formula gives, causal %s", async (causal) => {
    const { y, state } = await attention(linear({ featureMap: squares }), backend, { causal })(block);
    const visible = (i: number, j: number) => !causal || j <= i;
    const head = { q, k, v, visible, bias: () => 0, position: (i: number) => i };
    const want = linearReference({ featureMap: phi as never })(head).y.flat();
    want.forEach((x, i) => {
      expect(y.data[i]).toBeCloseTo(x, 11);
    });
    expect(state.s!.shape).toEqual([1, 1, 4, 2]);
    expect(state.z!.shape).toEqual([1, 1, 4, 1]);
  });

  test("says its name and domain", () => {
    const mechanism = linear({ featureMap: squares });
    expect(mechanism.options.featureMap).toBe("squares");
    expect(mechanism.domain).toEqual({ q: 50, k: 50 });
    expect(mechanism.takes.lse).toBe(true);
  });

  test("has no lse if it may be negative", () => {
    refused("ATTN_UNSUPPORTED", "odd", () =>
      attention(linear({ featureMap: { ...squares, name: "odd", positive: false } }), backend, { lse: true }),
    );
  });
});

test("the scale multiplies an un-normalised output, moves lse, and leaves a normalised output alone", async () => {
  const run = async (options: LinearOptions, lse = false) => attention(linear(options), backend, { lse })(block);
  const [plain, half] = [await run({ normalize: false }), await run({ normalize: false, scale: 0.5 })];
  plain.y.data.forEach((x, i) => {
    expect(half.y.data[i]).toBeCloseTo(x / 2, 10);
  });
  expect(Object.keys(half.state)).toEqual(["s"]);
  const [one, two] = [await run({}, true), await run({ scale: 2 }, true)];
  one.y.data.forEach((x, i) => {
    expect(two.y.data[i]).toBeCloseTo(x, 12);
  });
  one.lse!.data.forEach((x, i) => {
    expect(two.lse!.data[i]).toBeCloseTo(x + Math.log(2), 12);
  });
});

test("without normalize there is no lse", () => {
  refused("ATTN_UNSUPPORTED", "normaliser", () => attention(linear({ normalize: false }), backend, { lse: true }));
});

test.each<[string, object]>([
  ["featureMap", { featureMap: "elu" }],
  ["featureMap", { featureMap: { name: "x" } }],
  ["normalize", { normalize: 1 }],
  ["scale", { scale: 0 }],
  ["scale", { scale: Number.NaN }],
  ["scale", { scale: -1 }],
  ["eps", { eps: 1e-6 }],
])("option %s in %o is refused", (name, options) => refused("ATTN_OPTION", name, () => linear(options)));
