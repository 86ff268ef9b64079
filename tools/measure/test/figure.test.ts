import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { draw, type Figure, type Panel, stylesOf } from "../src/figure/index.ts";

const panel = (more: Partial<Panel> = {}): Panel => ({
  x: { label: "tokens", scale: "log" },
  y: { label: "norm", scale: "log" },
  series: [{ name: "softmax", points: [1, 10, 100].map((x) => ({ x, y: x / 1000, low: x / 2000, high: x / 500 })) }],
  ...more,
});
const figure = (...panels: Panel[]): Figure => ({ name: "f", caption: "Norms < tokens", panels });
const svgOf = (...panels: Panel[]) => draw(figure(...panels), stylesOf([figure(...panels)]));
const texts = (svg: string) =>
  [...parseHTML(`<body>${svg}</body>`).document.querySelectorAll("text")].map((node) => node.textContent ?? "");

describe("a figure", () => {
  test("states its axes, ticks, series and guides, and needs nothing around it", () => {
    const svg = svgOf(
      panel({
        guides: [
          { slope: 1, label: "slope 1" },
          { at: "y", value: 0.0618, label: "the bound" },
        ],
      }),
    );
    expect(texts(svg)).toEqual(
      expect.arrayContaining(["tokens", "norm", "softmax", "slope 1", "the bound", "10", "0.01"]),
    );
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).toContain('aria-label="Norms &#60; tokens"');
    expect(svg).not.toMatch(/NaN|undefined|href|url\(/);
    expect(svgOf(panel())).toBe(svgOf(panel()));
  });

  test("says how many points it can't show", () => {
    const points = [
      { x: 1, y: 1 },
      { x: 2, y: Number.NaN },
      { x: 3, y: 0 },
    ];
    const svg = svgOf(panel({ series: [{ name: "a", points }] }));
    expect(texts(svg).join()).toContain("2 points are not drawn");
    expect(svg).not.toContain("NaN");
    expect(texts(svgOf(panel())).join()).not.toContain("not drawn");
  });

  test("refuses a slope on a linear axis and a guide that the axis can't show", () => {
    const wrong =
      (guide: NonNullable<Panel["guides"]>[number], x: "linear" | "log" = "log") =>
      () =>
        svgOf(panel({ x: { label: "x", scale: x }, guides: [guide] }));
    expect(wrong({ slope: 1, label: "s" }, "linear")).toThrow("two logarithmic axes");
    expect(wrong({ at: "y", value: -1, label: "y" })).toThrow("cannot show -1");
    expect(() => draw({ ...figure(), panels: [] }, () => ({ colour: "", symbol: "circle" }))).toThrow("no panel");
  });

  test("ticks lie at the powers of two of lengths, and are never crowded", () => {
    const lengths = Array.from({ length: 11 }, (_, i) => 2 ** (10 + i));
    const series = [{ name: "a", points: lengths.map((x) => ({ x, y: x })) }];
    const found = texts(svgOf(panel({ series }))).filter((text) => /^[\d,]+$/.test(text));
    expect(found).toContain("1,024");
    expect(found.every((text) => Number.isInteger(Math.log2(Number(text.replaceAll(",", "")))))).toBe(true);
    expect(found.length).toBeLessThan(22);
  });
});

test("series of one figure have different colours, and a name keeps its look", () => {
  const named = (...names: string[]) =>
    figure(panel({ series: names.map((name) => ({ name, points: [{ x: 1, y: 1 }] })) }));
  const styleOf = stylesOf([named("a", "b", "softmax"), named("c", "d", "e", "f", "g", "h", "i", "a")]);
  const colours = (...names: string[]) => new Set(names.map((name) => styleOf(name).colour)).size;
  expect([colours("a", "b", "softmax"), colours("c", "d", "e", "f", "g", "h", "i", "a")]).toEqual([3, 8]);
  expect(styleOf("softmax")).toEqual(stylesOf([named("softmax")])("softmax"));
  const all = [..."abcdefghi", "softmax"].map((name) => JSON.stringify(styleOf(name)));
  expect(new Set(all).size).toBe(10);
  expect(() => styleOf("z")).toThrow('no figure has a series "z"');
});
