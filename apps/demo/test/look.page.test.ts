import type { Page } from "playwright";
import { afterAll, expect, test } from "vitest";
import { killDevices, leave, longestTask, overflows, violations, visit } from "./visit.ts";

afterAll(leave);

const card = (page: Page, name: string) => page.getByRole("article", { name });
/** Once the device's output has been compared with what is shown now. */
const verified = (page: Page, name: string) => card(page, name).getByTestId("verified").textContent();
const norm = async (page: Page, name: string) => Number(await card(page, name).getByTestId("norm").textContent());

test("without WebGPU: typing, sliders, pointer and keyboard move the pictures, and the address keeps them", async () => {
  const page = await visit({ webgpu: false, at: "#show=softmax,linear" });
  expect(await verified(page, "softmax")).toMatch(/Weights · v is its output on WebAssembly.*% of the allowed error/);
  expect(await verified(page, "linear")).toMatch(/is its output on WebAssembly/);

  await page.getByLabel("Text").fill("to be or not to be");
  await page.getByLabel("Tokens", { exact: true }).selectOption("words");
  expect(await page.getByRole("radio", { name: /^“be”/ }).count()).toBe(2);
  const before = await norm(page, "softmax");
  const scale = card(page, "softmax").getByLabel("Scale s");
  await scale.fill("0");
  // Every row is then a mean: 1 / n in n places, for n = 1 to 6.
  const means = Math.sqrt([1, 2, 3, 4, 5, 6].reduce((sum, n) => sum + 1 / n, 0));
  expect(await norm(page, "softmax")).toBeCloseTo(means, 3);
  expect(before).toBeGreaterThan(means);
  expect(await norm(page, "linear")).not.toBeCloseTo(means, 3);

  const readout = card(page, "softmax").getByTestId("readout");
  const heatmap = card(page, "softmax").getByRole("button", { name: /Attention weights of softmax, 6 tokens/ });
  const { width, height } = (await heatmap.boundingBox())!;
  await heatmap.click({ position: { x: width * 0.3, y: height * 0.6 } }); // row 4, key 2
  expect(await readout.textContent()).toBe("“not” 4 to “be” 2: 0.250");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowRight");
  expect(await readout.textContent()).toBe("“or” 3 to “or” 3: 0.333");
  await page.keyboard.press("ArrowRight");
  expect(await readout.textContent()).toContain("not seen (causal)");
  await page.getByLabel("Causal").uncheck();
  expect(await readout.textContent()).toBe("“or” 3 to “not” 4: 0.167");
  await page.getByRole("radio", { name: "“to”, token 1" }).focus();
  await page.keyboard.press("Space");
  expect(await readout.textContent()).toContain("“to” 1 to “not” 4");
  await page.getByLabel("polynomial").check();
  expect(await verified(page, "polynomial")).toMatch(/is its output/);

  await page.waitForURL(/show=softmax%2Clinear%2Cpolynomial/);
  await page.reload();
  expect(await page.getByLabel("Text").inputValue()).toBe("to be or not to be");
  expect(await card(page, "softmax").getByLabel("Scale s").inputValue()).toBe("0");
  expect(await page.getByRole("article").count()).toBe(3);

  await page.getByLabel("Text").fill(" ");
  await page.getByText("Type some text").waitFor();
});

test("with WebGPU: checked on the adapter; a device that is lost takes nothing away", async () => {
  const page = await visit({ at: "#device=tfjs-webgpu&show=softmax&text=abcabc" });
  expect(await verified(page, "softmax")).toMatch(/is its output on WebGPU/);
  const shown = await norm(page, "softmax");

  expect(await killDevices(page)).toBe(1);
  const notice = page.getByTestId("lost");
  expect(await notice.textContent()).toMatch(/WebGPU device was lost .* What is on the page stays/);
  expect(await verified(page, "softmax")).toMatch(/is its output on WebGPU/);
  expect(await norm(page, "softmax")).toBe(shown);
  // Pictures need no device, and still follow; what was found for others says nothing of them.
  await page.getByLabel("Text").fill("abcabd");
  await expect.poll(() => norm(page, "softmax")).not.toBe(shown);
  expect(await card(page, "softmax").getByTestId("verified").count()).toBe(0);
  expect(await card(page, "softmax").textContent()).toContain("Not compared: the device was lost before");

  await page.getByRole("button", { name: "Try WebGPU again" }).click();
  await card(page, "softmax").getByText("Comparing").waitFor();
  await expect.poll(() => verified(page, "softmax")).toMatch(/is its output on WebGPU/);
  expect(await killDevices(page)).toBe(1);
  await page.getByRole("button", { name: "Continue on WebAssembly" }).click();
  await expect.poll(() => verified(page, "softmax")).toMatch(/is its output on WebAssembly/);
  expect(await notice.count()).toBe(0);
});

test("a link by hand opens: the value is put right, the page says so, and the link that it gives is right", async () => {
  const page = await visit({ at: "#device=cpu&polynomial.power=2.7&show=polynomial,performer&windows=3" });
  expect(await verified(page, "polynomial")).toMatch(/is its output/);
  expect(await card(page, "polynomial").getByLabel("Power p").inputValue()).toBe("3");
  const notice = page.getByTestId("link-faults");
  expect(await notice.textContent()).toMatch(
    /windows=3: the page has no such setting; .*polynomial\.power=2\.7: 3 is used/,
  );
  expect(await violations(page)).toEqual([]);
  await notice.getByRole("button").click();
  expect(await notice.count()).toBe(0);
  await page.waitForURL(/#device=cpu&polynomial\.power=3&show=polynomial$/);
  // Also in the page that is open.
  await page.evaluate(() => {
    location.hash = "polynomial.power=99&show=polynomial";
  });
  await expect.poll(() => card(page, "polynomial").getByLabel("Power p").inputValue()).toBe("6");
  expect(await notice.textContent()).toContain("polynomial.power=99: 6 is used");
});

test("typed over, the text's last token is followed; a token that stays is followed where it goes", async () => {
  const page = await visit({ webgpu: false, at: "#show=softmax&text=the+cat&device=cpu" });
  const readout = card(page, "softmax").getByTestId("readout");
  await page.getByRole("radio", { name: "“c”, token 5" }).focus();
  await page.keyboard.press("Space");
  await page.getByLabel("Text").fill("see the cat");
  await expect.poll(() => readout.textContent()).toMatch(/^“c” 9 to “t” 5/);
  await page.getByLabel("Text").fill("dogs");
  await expect.poll(() => readout.textContent()).toMatch(/^“s” 4 to “d” 1/);
});

test("a long paste keeps the page quick and the link short, and says that the link has not all of it", async () => {
  const page = await visit({ webgpu: false, at: "#device=cpu&show=softmax" });
  await page.getByLabel("Text").fill("a long text. ".repeat(16_000));
  await page.getByText(/too long for a link/).waitFor();
  await expect.poll(() => page.evaluate(() => location.href.length)).toBeGreaterThan(1500);
  expect(await page.evaluate(() => location.href.length)).toBeLessThan(2200);
  await page.reload();
  expect((await page.getByLabel("Text").inputValue()).startsWith("a long text. a long text. ")).toBe(true);
});

test("the formula and the caption follow the order", async () => {
  const page = await visit({ webgpu: false, at: "#device=cpu&show=elementwise" });
  const elementwise = card(page, "elementwise");
  const formula = elementwise.locator(".formula");
  expect(await formula.textContent()).toMatch(/^exp\(−k_c²\) · Σ_m .* for m = 0 to 6/);
  await elementwise.getByLabel("Order").fill("5");
  await expect.poll(() => formula.textContent()).toMatch(/^exp\(−\(q_c − k_c\)²\)/);
  await expect.poll(() => elementwise.locator("figcaption").textContent()).toMatch(/function of the distance/);
});

test("a step of a slider at the most tokens that are shown does not hold the page up", async () => {
  const page = await visit({ webgpu: false, at: `#device=cpu&text=${"abcdefgh".repeat(8)}` });
  await page.getByRole("article").nth(4).waitFor();
  await verified(page, "elementwise");
  const slide = (values: readonly string[]) =>
    page.evaluate(async (values) => {
      const slider = [...document.querySelectorAll("label")].find((l) => l.textContent?.startsWith("Temperature"))!;
      const input = document.getElementById(slider.htmlFor) as HTMLInputElement;
      const norm = () => document.querySelector("[data-testid=norm]")!.textContent;
      for (const value of values) {
        const before = norm();
        input.value = value;
        input.dispatchEvent(new Event("input", { bubbles: true }));
        // The next frame shows what belongs to the new value.
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        if (norm() === before) throw new Error(`the picture did not follow to ${value}`);
      }
    }, values);
  await slide(["1.1", "1.2", "1.3", "1.4"]);
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline"] });
  await slide(Array.from({ length: 16 }, (_, i) => String((30 + i) / 20)));
  const longest = longestTask(await browser.stopTracing());
  console.log(`a step of all five mechanisms at 64 tokens: ${longest.toFixed(0)} ms`);
  // Over the reference in n^3 it was 150 to 430 ms.
  expect(longest).toBeLessThan(100);
});

test("every mechanism of the first view is verified, and accessible in both themes and on a phone", async () => {
  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 360],
  ] as const) {
    const page = await visit({
      at: "#device=cpu&polynomial.power=3",
      options: { colorScheme, viewport: { width, height: 800 } },
    });
    await page.getByRole("article").nth(4).waitFor();
    await verified(page, "elementwise");
    expect(await page.getByTestId("verified").count()).toBe(5);
    expect(await violations(page)).toEqual([]);
    expect(await overflows(page)).toBe(false);
  }
});
