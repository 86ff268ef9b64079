import { readFileSync } from "node:fs";
import type { Report } from "@attnkit/core/conformance";
import type { Page } from "playwright";
import { afterAll, expect, test } from "vitest";
import type { PageReport } from "../src/check/model.ts";
import { killDevices, leave, overflows, violations, visit } from "./visit.ts";

afterAll(leave);

const start = (page: Page) => page.getByRole("button", { name: /^Check on/ }).click();
const outcome = (page: Page) => page.getByTestId("outcome").textContent();
const cases = (page: Page) => page.locator(".matrix td:not(.none)").count();
const save = async (page: Page): Promise<Report & PageReport> => {
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download report" }).click();
  return JSON.parse(readFileSync(await (await downloading).path(), "utf8"));
};

test("without WebGPU: a quick check, its matrix and its report; then one that is stopped", async () => {
  const page = await visit({ webgpu: false, at: "#tab=check&check=ops,logsumexp" });
  await start(page);
  await expect.poll(() => outcome(page), { timeout: 60_000 }).toMatch(/^All \d+ cases as they should be\.$/);
  const row = page.getByRole("row", { name: /^partition/ });
  expect(await row.textContent()).toMatch(/partition S12 S31 ok\d+ %$/);
  const report = await save(page);
  expect(report).toMatchObject({
    format: "attnkit-conformance/1",
    complete: true,
    conforms: true,
    backend: { name: "tfjs-wasm", dtype: "float32" },
    versions: {
      "@tensorflow/tfjs-core": expect.stringMatching(/^4\./),
      attnkit: expect.stringMatching(/^[0-9a-f]{12}/),
    },
    page: { hardware: false, asked: { set: "quick", columns: ["ops", "logsumexp"] } },
  });
  expect(report.cases).toHaveLength(report.page.planned);
  expect(await cases(page)).toBe(report.cases.length);
  expect(report.cases.every((c) => c.case === 0 && c.used <= 1)).toBe(true);
  expect(new Set(report.cases.map((c) => c.mechanism))).toEqual(new Set(["ops", "logsumexp"]));

  await page.getByLabel("Full: every case").check();
  await page.waitForURL(/set=full/);
  await start(page);
  await expect.poll(() => outcome(page)).toMatch(/^\d+ of \d{3,} cases$/);
  await page.getByRole("button", { name: "Stop" }).click();
  await expect.poll(() => outcome(page)).toMatch(/^Stopped after \d+ cases, 0 of them failed\.$/);
  expect(await save(page)).toMatchObject({ complete: false, conforms: false });
});

test("@attnkit/webgpu can be chosen, and checks a mechanism with its kernels", async () => {
  const page = await visit({ at: "#device=webgpu&tab=check&check=elementwise&set=quick" });
  expect(await page.getByLabel("What computes").inputValue()).toBe("webgpu");
  await page.getByRole("button", { name: "Check on Bare WebGPU" }).click();
  await expect.poll(() => outcome(page), { timeout: 90_000 }).toMatch(/^All \d+ cases as they should be\.$/);
  const report = await save(page);
  expect(report).toMatchObject({ conforms: true, backend: { name: "webgpu", kind: "webgpu" } });
  expect(report.cases.map((c) => c.law)).toContain("kernels");
});

test("a broken GPU is caught, and a link replays the case where it works", async () => {
  const broken = await visit({ at: "#device=tfjs-webgpu&tab=check&check=ops" });
  await broken.evaluate(() => {
    const { createShaderModule } = GPUDevice.prototype;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      return createShaderModule.call(this, { ...descriptor, code: descriptor.code.replaceAll("exp(", "sin(") });
    };
  });
  await start(broken);
  await expect.poll(() => outcome(broken), { timeout: 60_000 }).toMatch(/^\d+ of \d+ cases failed\.$/);
  const failure = broken.getByRole("article").filter({ hasText: "ops : op-exp" });
  expect(await failure.textContent()).toMatch(/op-exp \(Ops\): .* expected/);
  expect(await failure.locator("code").last().textContent()).toMatch(
    /^attnkit conform --backend tfjs-webgpu .*--law op-exp --seed 1 --case 0$/,
  );
  expect(await violations(broken)).toEqual([]);
  const link = new URL((await failure.getByRole("link").getAttribute("href"))!);

  const whole = await visit({ at: link.search + link.hash });
  await expect.poll(() => outcome(whole), { timeout: 30_000 }).toBe("All 1 cases as they should be.");
  const report = await save(whole);
  expect(report.cases).toEqual([expect.objectContaining({ law: "op-exp", case: 0, status: "pass" })]);
  expect(report.page.features.length + Object.keys(report.page.limits).length).toBeGreaterThan(10);
});

test("a device that is lost in the middle ends the check, and what was found stays", async () => {
  const page = await visit({ at: "#device=tfjs-webgpu&tab=check&check=ops&set=full" });
  await start(page);
  await expect.poll(() => cases(page), { timeout: 30_000 }).toBeGreaterThan(1);
  const before = await cases(page);
  expect(await killDevices(page)).toBe(1);
  await expect.poll(() => outcome(page), { timeout: 30_000 }).toMatch(/^The device was lost .* what was found stays/);
  expect(await cases(page)).toBeGreaterThanOrEqual(before);
  expect(await page.locator(".failures pre").allTextContents()).toEqual([]);
  const report = await save(page);
  expect(report).toMatchObject({ complete: false, conforms: false, page: { outcome: expect.stringMatching(/lost/) } });

  await page.getByRole("button", { name: "Continue on WebAssembly" }).click();
  await page.getByRole("button", { name: "Check on WebAssembly" }).waitFor();
  // The results name the device that they were found on, and are marked.
  expect(await page.getByTestId("checked-on").textContent()).toMatch(
    /^Checked on WebGPU \(.*swiftshader.*\)\. These results are not of WebAssembly/i,
  );
  expect(await cases(page)).toBeGreaterThanOrEqual(before);
});

test("a replay line can be pasted; one that names nothing says so", async () => {
  const page = await visit({ webgpu: false, at: "#tab=check", options: { viewport: { width: 360, height: 800 } } });
  await page.getByText("Run one case again").click();
  const box = page.getByLabel("Replay line of a report");
  await box.fill(
    "replay: attnkit conform --backend cpu --dtype float32 --mechanism softmax --law fork --seed 1 --case 0",
  );
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect.poll(() => outcome(page)).toBe("All 1 cases as they should be.");
  expect(await overflows(page)).toBe(false);
  await box.fill("attnkit conform --backend cpu --mechanism softmax --law nothing --case 0");
  await page.keyboard.press("Enter");
  await expect.poll(() => outcome(page)).toBe("There is no such case.");
  await box.fill("attnkit conform --backend abacus --mechanism softmax --law fork --case 0");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("this page has no backend abacus").waitFor();
  await page.getByRole("button", { name: /^Dismiss/ }).click();
  expect(await page.getByRole("alert").textContent()).toBe("");
});
