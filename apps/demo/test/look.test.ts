/** The words of a card belong to its numbers: formula, curve and followed token. */

import { mechanisms } from "@attnkit/catalog/mechanisms";
import { random } from "@attnkit/core/conformance";
import { describe, expect, test } from "vitest";
import { moved } from "../src/look/follow.ts";
import { CHANNELS, kinds } from "../src/look/kinds.ts";
import { createView, stretch } from "../src/look/model.ts";
import { programWeights, weightsOf } from "../src/look/weights.ts";
import { urlState } from "../src/shell/url.ts";
import { keys } from "../src/tabs.ts";

const view = (hash = "") => {
  const at = { hash: `#${hash}`, pathname: "/", search: "", href: `https://example.org/#${hash}` };
  return createView(urlState(keys, at, { state: null, replaceState() {} }));
};

describe("weights by one call of the program", () => {
  const { normal } = random("weights");
  const rows = (n: number) => Array.from({ length: n }, () => Array.from({ length: CHANNELS }, () => 2 * normal()));
  const [q, k] = [rows(12), rows(12)];
  const sets = kinds.flatMap((kind) => {
    const defaults = Object.fromEntries(kind.params.map((p) => [p.key, p.fallback]));
    const others = kind.params.flatMap((p) =>
      (p.kind === "choice" ? p.values : [p.min, p.max]).map((value) => ({ ...defaults, [p.key]: value })),
    );
    return [defaults, ...others].map((values) => [kind.name, values, kind] as const);
  });

  test.each(sets)("%s %o: those of the reference", (name, values, { options, perChannel }) => {
    const entry = mechanisms.find((m) => m.name === name)!;
    for (const causal of [true, false]) {
      const pairs = { q, k, causal, channel: perChannel && Number(values.channel) };
      const expected = weightsOf(entry.reference(options(values)), pairs).data;
      const got = programWeights(entry.create(options(values)), pairs).data;
      const most = expected.reduce((max, w) => (Number.isNaN(w) ? max : Math.max(max, Math.abs(w))), 0);
      for (const [n, w] of expected.entries()) {
        if (Number.isNaN(w)) expect(got[n]).toBeNaN();
        else expect(Math.abs(got[n]! - w)).toBeLessThanOrEqual(1e-9 * most);
      }
    }
  });
});

describe("the element-wise formula is what is computed", () => {
  const kind = kinds.find(({ name }) => name === "elementwise")!;
  const entry = mechanisms.find(({ name }) => name === "elementwise")!;
  const factorial = (m: number): number => (m < 2 ? 1 : m * factorial(m - 1));
  const [x, ys] = [0.7, [-1.2, 0.3, 0.9]];
  const rowOf = (order: number) => {
    const pairs = { q: [[x]], k: ys.map((y) => [y]), causal: false, channel: 0 };
    return [...programWeights(entry.create(kind.options({ order, channel: 0 })), pairs).data];
  };
  const shares = (weight: (y: number) => number) => {
    const total = ys.reduce((sum, y) => sum + weight(y), 0);
    return ys.map((y) => weight(y) / total);
  };

  test.each([0, 1, 2, 3, 4])("position %d of the slider: a series that ends at the degree that it names", (order) => {
    const last = 2 * (order + 1);
    expect(kind.formula({ order })).toBe(
      `exp(−k_c²) · Σ_m (2 q_c k_c)^m / m! for m = 0 to ${last}, per channel, rows add up to 1`,
    );
    const terms = Array.from({ length: last + 1 }, (_, m) => m);
    const expected = shares(
      (y) => Math.exp(-y * y) * terms.reduce((sum, m) => sum + (2 * x * y) ** m / factorial(m), 0),
    );
    for (const [j, w] of rowOf(order).entries()) expect(w).toBeCloseTo(expected[j]!, 12);
    expect(kind.curve.note({ order })).toContain(`(2 q_c k_c)^${last}`);
  });

  test("exact: the Gaussian, with another caption", () => {
    expect(kind.formula({ order: 5 })).toBe("exp(−(q_c − k_c)²) per channel, rows add up to 1");
    const expected = shares((y) => Math.exp(-((x - y) ** 2)));
    for (const [j, w] of rowOf(5).entries()) expect(w).toBeCloseTo(expected[j]!, 12);
    expect(kind.curve.note({ order: 5 })).toMatch(/distance/);
  });
});

test("a feature map without a normaliser does not claim rows that add up", () => {
  const { formula } = kinds.find(({ name }) => name === "linear")!;
  expect(formula({ featureMap: "elu1" })).toMatch(/add up to 1/);
  expect(formula({ featureMap: "identity" })).toMatch(/not normalised/);
});

test.each(["", "temperature=0.25", "causal=0&tied=0", "text=a", "text="])(
  "with %s the curves cover the text's scores",
  (hash) => {
    const { looks, sequence } = view(hash);
    const { q, k, length } = sequence.value;
    const row = (x: Float32Array, i: number) => [...x.subarray(i * CHANNELS, (i + 1) * CHANNELS)];
    for (const { kind, curve } of looks) {
      const { xs, weights } = curve.value;
      expect(xs).toHaveLength(weights.length);
      expect([xs[0]! <= kind.curve.least[0], xs.at(-1)! >= kind.curve.least[1]]).toEqual([true, true]);
      for (let i = 0; i < length; i++) {
        for (let j = 0; j <= i; j++) {
          const [a, b] = [row(q, i), row(k, j)];
          const at = kind.perChannel ? b[0]! : a.reduce((sum, z, c) => sum + z * b[c]!, 0) / Math.sqrt(CHANNELS);
          expect(at).toBeGreaterThanOrEqual(xs[0]!);
          expect(at).toBeLessThanOrEqual(xs.at(-1)!);
        }
      }
    }
    if (hash === "") expect(looks[0]!.curve.value.xs.at(-1)).toBeGreaterThan(3);
  },
);

test("the stretch of a curve is that of the pairs that are seen", () => {
  const [kind] = kinds as [(typeof kinds)[number]];
  const unit = (x: number) => [x, ...Array<number>(15).fill(0)];
  const pairs = { q: [unit(4), unit(4)], k: [unit(1), unit(30)] };
  expect(stretch(kind, { ...pairs, causal: false }, 0)).toEqual([-3, 30]);
  expect(stretch(kind, { q: pairs.q.slice(0, 1), k: pairs.k, causal: true }, 0)).toEqual([-3, 3]);
});

describe("the followed token", () => {
  test.each([
    ["abc", "abcd", 2, 2],
    ["abc", "xabc", 2, 3],
    ["abc", "ac", 1, undefined],
    ["abc", "ac", 2, 1],
    ["abc", "xyz", 1, undefined],
    ["aaaa", "aaa", 3, undefined],
    ["abc", "", 0, undefined],
    ["", "abc", 0, undefined],
    ["abcXdef", "abcYYdef", 5, 6],
    ["abcXdef", "abcYYdef", 3, undefined],
  ])("%s to %s: %d is then %s", (before, now, at, to) => {
    expect(moved([...before], [...now], at)).toBe(to);
  });

  test("stays the token while others are typed, and is the last one where it is gone", () => {
    const { text, tokens, row, key, unit } = view("text=the+cat");
    row.value = 4;
    key.value = 2;
    expect(tokens.value[row.value]).toBe("c");
    text.value = "see the cat";
    expect([tokens.value[row.value], tokens.value[key.value]]).toEqual(["c", "e"]);
    expect([row.value, key.value]).toEqual([8, 6]);
    text.value = "something else";
    expect([row.value, key.value]).toEqual([13, 0]);
    text.value = "";
    expect([row.value, key.value]).toEqual([0, 0]);
    text.value = "a b c";
    unit.value = "words";
    expect([tokens.value[row.value], key.value]).toEqual(["c", 0]);
    text.value = `${"x ".repeat(70)}c`;
    expect(row.value).toBe(63);
  });
});
