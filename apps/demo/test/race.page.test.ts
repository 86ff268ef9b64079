/** The tab Race as a visitor uses it: start, stop, resume, take the results away; a device that dies. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright";
import { afterAll, expect, test } from "vitest";
import { RaceResults } from "../src/race/results.ts";
import { failures, leave, overflows, violations, visit, workerScript } from "./visit.ts";

afterAll(leave);

const status = (page: Page) => page.getByTestId("race-status");
const says = (page: Page, text: RegExp) =>
  expect.poll(() => status(page).textContent(), { timeout: 90_000, interval: 50 }).toMatch(text);
const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name }).click();
const exported = async (page: Page) => {
  const [file] = await Promise.all([page.waitForEvent("download"), press(page, "Export JSON")]);
  expect(file.suggestedFilename()).toMatch(/^attnkit-race-.*\.json$/);
  return RaceResults.parse(JSON.parse(await readFile(await file.path(), "utf8")));
};
const small = "race-to=256&race-heads=1&race-dim=8&race-rounds=3";

test("without WebGPU: runs, stops, resumes, and its file says what was checked and timed", async () => {
  const page = await visit({ webgpu: false, at: `#tab=race&${small}&race=softmax,linear` });
  // A browser without WebGPU has none in its workers either.
  await page.route(workerScript, async (route) => {
    const response = await route.fetch();
    const none = 'Reflect.deleteProperty(Object.getPrototypeOf(navigator), "gpu");';
    await route.fulfill({ response, body: none + (await response.text()) });
  });
  await press(page, "Start the race");
  await says(page, /^Now timing/);
  await press(page, "Stop");
  await says(page, /^Stopped/);
  const part = await exported(page);
  expect(part.complete).toBe(false);
  await press(page, "Resume");
  await says(page, /^Done/);
  const whole = await exported(page);
  expect(whole.complete).toBe(true);
  expect(whole.started).toBe(part.started);
  for (const lane of whole.lanes) {
    if (lane.backend === "tfjs-webgpu") {
      expect(lane).toMatchObject({ status: "unavailable", points: [] });
      continue;
    }
    expect(lane.status).toBe("checked");
    expect(lane.checks.every((c) => c.passed && c.used !== null && c.used <= 1)).toBe(true);
    expect(lane.checks.map((c) => c.what)).toEqual(expect.arrayContaining(["oracle", "prefill", "decode"]));
    expect(lane.points.map((p) => `${p.what} ${p.size}`)).toEqual(
      [64, 128, 256].flatMap((size) => [`prefill ${size}`, `decode ${size}`]),
    );
    expect(lane.points.every((p) => p.samples.length === 3 && p.q1 <= p.median && p.median <= p.q3)).toBe(true);
    const states = lane.points.filter((p) => p.what === "decode").map((p) => p.stateBytes);
    // Keys and values of 8 channels in 4 bytes; a matrix of 8 x 8 and its normaliser.
    expect(states).toEqual(lane.mechanism === "softmax" ? [4096, 8192, 16384] : [288, 288, 288]);
  }
  const row = page.getByRole("row", { name: /^linear, JavaScript/ });
  expect(await row.getByRole("cell").first().textContent()).toMatch(/right, \d+ checks/);
  expect(await violations(page)).toEqual([]);
});

test("with WebGPU: a software adapter is named as one; when it dies its points stay and another one goes on", async () => {
  const page = await visit({
    at: `#tab=race&${small}&race=linear&race-on=tfjs-webgpu&race-to=32768`,
    options: { viewport: { width: 360, height: 800 } },
  });
  // Before the worker asks for its device, so that the test can reach it.
  await page.route(workerScript, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: KEEP_DEVICE + (await response.text()) });
  });
  await press(page, "Start the race");
  await says(page, /^Now (checking|timing) (prefill|decode) of (256|512|1024|2048|4096) tokens/);
  expect(await page.getByRole("row", { name: /^linear, WebGPU/ }).textContent()).toMatch(
    /swiftshader.*software: no GPU speed/i,
  );
  await page.workers()[0]!.evaluate(() => (globalThis as unknown as { device: GPUDevice }).device.destroy());
  await says(page, /^Stopped/);
  const part = await exported(page);
  expect(part.lanes[0]).toMatchObject({ status: "lost", hardware: false });
  expect(part.lanes[0]!.points.length).toBeGreaterThan(1);
  expect(await overflows(page)).toBe(false);
  await press(page, "Continue on WebAssembly");
  await says(page, /^Done/);
  const whole = await exported(page);
  expect(whole.lanes[0]!.points).toEqual(part.lanes[0]!.points);
  expect(whole.lanes[1]).toMatchObject({ backend: "tfjs-wasm", status: "checked" });
});

/** Keeps the device of a worker as `globalThis.device`. */
const KEEP_DEVICE = `
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    return (globalThis.device = await requestDevice.apply(this, args));
  };`;

const provokes = /Failed to load resource|a broken/;

test.each(Object.entries(failures))("a worker whose script %s: a message, and Resume races", async (_, fail) => {
  const page = await visit({ webgpu: false, at: `#tab=race&${small}&race=linear&race-on=cpu`, provokes });
  await page.route(workerScript, fail);
  await press(page, "Start the race");
  await says(page, /^Stopped/);
  const row = page.getByRole("row", { name: /^linear, JavaScript/ });
  expect(await row.textContent()).toMatch(
    /not done: the worker (could not be loaded|stopped: .*a broken (script|call))/,
  );
  await page
    .getByRole("alert")
    .getByText(/the worker/)
    .waitFor();
  expect((await exported(page)).complete).toBe(false);
  await page.unroute(workerScript);
  await press(page, "Resume");
  await says(page, /^Done/);
  expect(await row.textContent()).toMatch(/right, \d+ checks.*256/);
});

test("a worker that never answers can be stopped; one that throws in the middle keeps its times", async () => {
  const page = await visit({
    webgpu: false,
    at: "#tab=race&race-to=16384&race-heads=1&race-dim=8&race-rounds=3&race=linear&race-on=cpu",
    provokes,
  });
  await page.route(workerScript, () => new Promise(() => {}));
  await press(page, "Start the race");
  await says(page, /^Now opening/);
  await press(page, "Stop");
  await says(page, /^Stopped/);
  await page.unrouteAll();
  await press(page, "Resume");
  await says(page, /^Now (checking|timing) (prefill|decode) of (256|512|1024|2048|4096) tokens/);
  await page.workers()[0]!.evaluate(() => void Promise.reject(new Error("a broken worker")));
  await says(page, /^Stopped/);
  const row = page.getByRole("row", { name: /^linear, JavaScript/ });
  expect(await row.textContent()).toMatch(/not done: the worker stopped: .*a broken worker/);
  const part = await exported(page);
  expect(part.lanes[0]!.points.length).toBeGreaterThan(1);
  // The sizes of a race stand beside its times; other settings mark them.
  expect(await page.getByTestId("race-of").textContent()).toMatch(/^1 head of 8 channels, up to 16,384 tokens/);
  await page.getByLabel("Heads").fill("2");
  await page.getByLabel("Heads").blur();
  await page.getByText("The settings above are others").waitFor();
});
