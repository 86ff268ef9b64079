import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, inject, test } from "vitest";
import { leave, overflows, violations, visit } from "./visit.ts";

afterAll(leave);

const tabs = ["Look", "Race", "Train", "Check"];

test("the tabs are reached by click and by arrow keys, and the address remembers which", async () => {
  const page = await visit({ at: "#show=" });
  const chosen = () => page.getByRole("tab", { selected: true }).textContent();
  expect(await page.getByRole("tab").allTextContents()).toEqual(tabs);
  expect(await chosen()).toBe("Look");

  await page.getByRole("tab", { name: "Train" }).click();
  expect(await chosen()).toBe("Train");
  for (const [key, name] of [
    ["ArrowRight", "Check"],
    ["ArrowRight", "Look"],
    ["ArrowLeft", "Check"],
    ["Home", "Look"],
    ["End", "Check"],
  ] as const) {
    await page.keyboard.press(key);
    expect(await chosen()).toBe(name);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(name);
  }
  await page.waitForURL(/tab=check$/);
  await page.reload();
  expect(await chosen()).toBe("Check");
});

test("it says what computes, with WebGPU and without", async () => {
  const adapter = async (webgpu: boolean, at = "#show=") => {
    const page = await visit({ webgpu, at });
    const says = page.getByTestId("adapter");
    await expect.poll(() => says.textContent()).not.toContain("asking");
    return [await page.getByLabel("What computes").inputValue(), await says.textContent()];
  };
  expect(await adapter(true, "#show=&device=tfjs-webgpu")).toEqual([
    "tfjs-webgpu",
    expect.stringMatching(/swiftshader.*, software|, hardware/i),
  ]);
  const [name, words] = await adapter(false);
  expect(name).toBe("tfjs-wasm");
  expect(words).toMatch(/WebAssembly; WebGPU passed over: this browser has no WebGPU/);
  expect(await adapter(false, "#show=&device=cpu")).toEqual(["cpu", "the processor, one thread"]);
});

test("a software adapter is not the default, the page says so in full, and it can be chosen", async () => {
  for (const width of [1280, 360]) {
    const page = await visit({ at: "#show=", options: { viewport: { width, height: 800 } } });
    const says = page.getByTestId("adapter");
    await expect
      .poll(() => says.textContent())
      .toMatch(/WebGPU passed over: its adapter \(.*swiftshader.*\) is software/i);
    const device = page.getByLabel("What computes");
    expect(await device.inputValue()).toBe("tfjs-wasm");
    // All of the reason can be read.
    expect(await says.evaluate((p) => p.scrollWidth <= p.clientWidth && p.scrollHeight <= p.clientHeight)).toBe(true);
    expect(await overflows(page)).toBe(false);
    await device.selectOption("tfjs-webgpu");
    await expect.poll(() => says.textContent()).toMatch(/, software$/);
    await page.waitForURL(/device=tfjs-webgpu/);
  }
});

test("the theme follows the system until it is chosen, and the choice stays", async () => {
  const page = await visit({ at: "#show=", options: { colorScheme: "dark" } });
  const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await paper();
  await page.getByRole("button", { name: "Use the light theme" }).click();
  const light = await paper();
  expect(light).not.toBe(dark);
  await page.reload();
  expect(await paper()).toBe(light);
});

test("every tab is without serious faults of accessibility, in both themes, and fits a phone", async () => {
  for (const [colorScheme, width] of [
    ["dark", 360],
    ["light", 1280],
  ] as const) {
    const page = await visit({ at: "#show=", options: { colorScheme, viewport: { width, height: 800 } } });
    for (const name of tabs) {
      await page.getByRole("tab", { name }).click();
      await page.getByRole("tabpanel", { name }).and(page.locator("[aria-busy=false]")).waitFor();
      expect(await violations(page), `${name}, ${colorScheme}`).toEqual([]);
      const inner = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(inner, `${name} at ${width} px`).toBeLessThanOrEqual(width);
    }
  }
});

test("what the first view downloads is small, and brings no framework", async () => {
  const page = await visit({ at: "#show=" });
  await page.getByText("Tick a mechanism").waitFor();
  const urls = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  const files = urls.map((url) => url.slice(inject("site").length));
  expect(files.filter((file) => /\.js$/.test(file)).length).toBeGreaterThan(1);
  const texts = ["index.html", ...files].map((file) => readFileSync(join(inject("dist"), file)));
  const bytes = texts.reduce((sum, text) => sum + gzipSync(text).length, 0);
  console.log(`first view: ${files.length + 1} files, ${bytes} bytes gzipped`);
  expect(bytes).toBeLessThan(150_000);
  expect(texts.some((text) => text.includes("WEBGPU_CPU_FORWARD"))).toBe(false);
});
