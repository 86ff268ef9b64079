import type { Page } from "playwright";
import { afterAll, expect, test } from "vitest";
import { killDevices, leave, overflows, violations, visit } from "./visit.ts";

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
  const page = await visit({ at: "#show=softmax&text=abcabc" });
  expect(await verified(page, "softmax")).toMatch(/is its output on WebGPU/);
  const shown = await norm(page, "softmax");

  expect(await killDevices(page)).toBe(1);
  const notice = page.getByTestId("lost");
  expect(await notice.textContent()).toMatch(/WebGPU device was lost .* What is on the page stays/);
  expect(await verified(page, "softmax")).toMatch(/is its output on WebGPU/);
  expect(await norm(page, "softmax")).toBe(shown);
  // Pictures need no device, and still follow.
  await page.getByLabel("Text").fill("abcabd");
  await expect.poll(() => norm(page, "softmax")).not.toBe(shown);

  await page.getByRole("button", { name: "Try WebGPU again" }).click();
  await card(page, "softmax").getByText("Comparing").waitFor();
  await expect.poll(() => verified(page, "softmax")).toMatch(/is its output on WebGPU/);
  expect(await killDevices(page)).toBe(1);
  await page.getByRole("button", { name: "Continue on WebAssembly" }).click();
  await expect.poll(() => verified(page, "softmax")).toMatch(/is its output on WebAssembly/);
  expect(await notice.count()).toBe(0);
});

test("the first view can be used within seconds, and every mechanism is accessible in both themes and on a phone", async () => {
  const milliseconds: number[] = [];
  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 360],
  ] as const) {
    const page = await visit({
      at: "#device=cpu&polynomial.power=3",
      options: { colorScheme, viewport: { width, height: 800 } },
    });
    await page.getByRole("article").nth(4).waitFor();
    milliseconds.push(await page.evaluate(() => performance.now()));
    await verified(page, "elementwise");
    expect(await page.getByTestId("verified").count()).toBe(5);
    expect(await violations(page)).toEqual([]);
    expect(await overflows(page)).toBe(false);
  }
  // The better of two: other tests share the machine.
  expect(Math.min(...milliseconds)).toBeLessThan(3000);
});
