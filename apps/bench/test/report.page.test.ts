import { chromium } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch } from "../../../tools/repo/chromium.ts";
import { html } from "../src/report/html.ts";
import { cell, results, spread } from "./report-results.ts";

const names = ["softmax", "linear", "com.microsoft.GroupQueryAttention with a name that is far too long for a phone"];
const cells = ["cpu", "ort-cpu"].flatMap((backend) =>
  names.map((name) => cell(`${name} on ${backend} float32`, { backend, mechanism: "softmax" })),
);
const ratio = { value: 0.5, low: 0.45, high: 0.55, readable: true };
const ratios = cells.slice(1, names.length).map(({ id }) => ({
  ...{ cell: id, against: cells[0]!.id, what: "prefill" as const, size: 256, rounds: spread.samples.length, ratio },
}));

describe.each([1200, 390])("the report of a bench, %i pixels wide", (width) => {
  let browser: Awaited<ReturnType<typeof chromium.launch>>;
  const open = async (colorScheme: "light" | "dark") => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    await page.setContent(html({ ...results, cells, ratios }));
    return page;
  };
  beforeAll(async () => {
    const { env, ...rest } = launch();
    browser = await chromium.launch({ ...rest, ...(env && { env: env as Record<string, string> }) });
  });
  afterAll(() => browser.close());

  test("does not scroll sideways, and its axes can be read", async () => {
    const page = await open("light");
    const seen = await page.evaluate(() => {
      const root = document.documentElement;
      const sizes = [...document.querySelectorAll("figure > svg")].map((svg) => {
        const drawn = svg as SVGSVGElement;
        const scale = drawn.getBoundingClientRect().width / drawn.viewBox.baseVal.width;
        const texts = [...svg.querySelectorAll("text")].map((t) => Number.parseFloat(getComputedStyle(t).fontSize));
        return scale * Math.min(...texts);
      });
      return { beyond: root.scrollWidth - root.clientWidth, smallest: Math.min(...sizes), plots: sizes.length };
    });
    expect(seen.beyond).toBe(0);
    expect(seen.plots).toBe(6);
    expect(seen.smallest).toBeGreaterThanOrEqual(11);
  });

  test("keeps the head and the first column of a table in sight while it scrolls in its box", async () => {
    const page = await open("light");
    const seen = await page.evaluate(() => {
      const box = document.querySelector(".scroll") as HTMLElement;
      box.style.width = "320px";
      box.style.height = "200px";
      box.scrollTo(150, 100);
      const at = (selector: string) => box.querySelector(selector)!.getBoundingClientRect();
      const frame = box.getBoundingClientRect();
      return {
        scrolled: [box.scrollLeft, box.scrollTop],
        top: at("thead th:last-child").top - frame.top,
        left: at("tbody tr:last-child th").left - frame.left,
      };
    });
    expect(seen).toEqual({ scrolled: [150, 100], top: 1, left: 1 });
  });

  test("is dark for readers who want it so", async () => {
    const [light, dark] = [await open("light"), await open("dark")];
    const colours = (page: typeof light) =>
      page.evaluate(() => [
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector("figure > svg > rect")!).fill,
      ]);
    expect(await colours(light)).toEqual(["rgb(255, 255, 255)", "rgb(255, 255, 255)"]);
    expect(await colours(dark)).toEqual(["rgb(20, 23, 27)", "rgb(20, 23, 27)"]);
  });
});
