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

  test("ticks show the unit of seconds and bytes", () => {
    const values = (...y: number[]) => [{ name: "a", points: y.map((value, i) => ({ x: i + 1, y: value })) }];
    const seconds = svgOf(panel({ y: { label: "time", scale: "log", unit: "s" }, series: values(2e-6, 3) }));
    expect(texts(seconds)).toEqual(expect.arrayContaining(["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"]));
    const bytes = svgOf(panel({ y: { label: "size", scale: "log", unit: "B" }, series: values(3000, 5e6) }));
    expect(texts(bytes)).toEqual(expect.arrayContaining(["4 KiB", "1 MiB"]));
  });

  test("two panels have the same axes if each includes the values of the other", () => {
    const [small, large] = [
      [1, 10],
      [1000, 20000],
    ];
    const ticksOf = (own: number[], other: number[]) => {
      const points = own.map((y, i) => ({ x: i + 1, y }));
      const y = { label: "norm", scale: "log", includes: other } as const;
      return texts(svgOf(panel({ y, series: [{ name: "a", points }] }))).filter((text) => /^[\d.,]+$/.test(text));
    };
    expect(ticksOf(small!, large!)).toEqual(ticksOf(large!, small!));
    expect(ticksOf(small!, [])).not.toEqual(ticksOf(large!, small!));
  });

  test("series on each other take turns along the line, and their marks stand side by side", () => {
    const points = [1, 10, 100].map((x) => ({ x, y: 5 }));
    const drawn = (...names: string[]) =>
      parseHTML(`<body>${svgOf(panel({ series: names.map((name) => ({ name, points })) }))}</body>`).document;
    const centres = [...drawn("a", "b").querySelectorAll("circle")].map((dot) => Number(dot.getAttribute("cx")));
    expect(new Set(centres).size).toBe(6);
    const dashes = [...drawn("a", "b").querySelectorAll("[stroke-dashoffset], [stroke-dasharray]")];
    expect(new Set(dashes.map((line) => line.getAttribute("stroke-dasharray")))).toEqual(new Set(["7 7"]));
    expect(dashes.map((line) => line.getAttribute("stroke-dashoffset") ?? "0").sort()).toEqual(["-7", "0"]);
    expect(drawn("a").querySelector("[stroke-dasharray]")).toBeNull();
  });

  test("the word of a guide covers no point where there is room", () => {
    const points = Array.from({ length: 30 }, (_, i) => ({ x: 10 ** (i / 14.5), y: 10 ** (i / 14.5) }));
    const guides = [
      { slope: 1, label: "a slope of one" },
      { at: "y", value: 50, label: "fifty" },
    ] as const;
    const { document } = parseHTML(`<body>${svgOf(panel({ series: [{ name: "a", points }], guides }))}</body>`);
    const dots = [...document.querySelectorAll("circle")].map((dot) =>
      [dot.getAttribute("cx"), dot.getAttribute("cy")].map(Number),
    );
    const words = [...document.querySelectorAll("text.guide")];
    expect(words.map((word) => word.textContent)).toEqual(["a slope of one", "fifty"]);
    for (const word of words) {
      const [left, base] = [Number(word.getAttribute("x")), Number(word.getAttribute("y"))];
      const right = left + 6 * word.textContent!.length;
      const covered = dots.filter(([x, y]) => x! > left && x! < right && y! > base - 10 && y! < base);
      expect(covered).toEqual([]);
    }
  });

  test("a value that is too uncertain is a hollow mark, a baseline is dashed with marks", () => {
    const points = [
      { x: 1, y: 1, uncertain: true, title: "one < two" },
      { x: 2, y: 3 },
    ];
    const { document } = parseHTML(`<body>${svgOf(panel({ series: [{ name: "a", points, dashed: true }] }))}</body>`);
    const fills = [...document.querySelectorAll("circle")].map((dot) =>
      (dot.parentNode as Element).getAttribute("fill"),
    );
    expect(fills.sort()).toEqual(["var(--page)", "var(--s0)"]);
    expect(document.querySelector("circle > title")!.textContent).toBe("one < two");
    expect(
      [...document.querySelectorAll("[stroke-dasharray]")].map((line) => line.getAttribute("stroke-dasharray")),
    ).toEqual(["5 3", "5 3"]);
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
