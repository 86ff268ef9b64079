/** The tab Train as a visitor uses it: train, hold, go on, write, take weights away and bring them back, export. */
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-node";
import type { Page } from "playwright";
import { afterAll, expect, test } from "vitest";
import { readModel } from "../src/train/files/weights.ts";
import { failures, leave, longestTask, overflows, violations, visit, workerScript } from "./visit.ts";

afterAll(leave);

const tiny = (steps: number, more = "") =>
  `#tab=train&train-width=16&train-heads=2&train-layers=1&train-context=16&train-batch=2&train-length=40&train-steps=${steps}${more}`;
const status = (page: Page) => page.getByTestId("train-status");
const says = (page: Page, text: RegExp) =>
  expect.poll(() => status(page).textContent(), { timeout: 60_000, interval: 100 }).toMatch(text);
const step = async (page: Page) => Number(/step (\d+)/.exec((await status(page).textContent()) ?? "")?.[1] ?? 0);
const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name }).click();
const download = async (page: Page, button: string) => {
  const [file] = await Promise.all([page.waitForEvent("download"), press(page, button)]);
  return {
    name: file.suggestedFilename(),
    path: await file.path(),
    bytes: new Uint8Array(await readFile(await file.path())),
  };
};
const row = async (page: Page, mechanism: string) =>
  page
    .getByRole("row", { name: new RegExp(`^${mechanism}`) })
    .getByRole("cell")
    .allTextContents();

test("without WebGPU: trains, pauses, resumes, writes, and its files can be read", async () => {
  const page = await visit({ webgpu: false, at: tiny(60, "&train=softmax,linear") });
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline"] });
  await press(page, "Start training");
  await expect.poll(() => step(page), { timeout: 60_000 }).toBeGreaterThan(3);
  await press(page, "Pause");
  await says(page, /^Paused on WebAssembly/);
  const held = await step(page);
  await page.waitForTimeout(300);
  expect(await step(page)).toBe(held);
  await press(page, "Resume");
  await says(page, /^Done on WebAssembly .*: step 60 of 60$/);
  // Training never freezes the page.
  expect(longestTask(await browser.stopTracing())).toBeLessThan(100);

  for (const mechanism of ["softmax", "linear"]) {
    const [steps, loss, heldOut, speed] = await row(page, mechanism);
    expect(steps).toBe("60");
    expect(Number(loss)).toBeLessThan(4.5);
    expect(Number(heldOut)).toBeGreaterThan(1);
    expect(Number(speed)).toBeGreaterThan(0);
    await page.getByLabel("Model").first().selectOption(mechanism);
    await press(page, "Generate");
    await page.getByRole("button", { name: "Generate" }).waitFor();
    const text = await page.getByTestId("generated").inputValue();
    expect(text.startsWith("The keeper ")).toBe(true);
  }
  const meters = await page.getByRole("list", { name: "State of each model" }).getByRole("listitem").allTextContents();
  // 11 bytes of prompt and 39 of the 40 written have been read.
  expect(meters[0]).toMatch(/^softmax: 6\.31 KiB after 50 tokens, 1\.44 KiB after the prompt: it grows/);
  expect(meters[1]).toMatch(/^linear: .* after 50 tokens, the same as after the prompt/);

  await page.getByLabel("Model").last().selectOption("linear");
  const weights = await download(page, "Download weights");
  expect(weights.name).toBe("linear-60.safetensors");
  const model = readModel(weights.name, weights.bytes);
  expect([model.step, model.config.mechanism, model.config.width]).toEqual([60, "linear", 16]);

  const onnx = await download(page, "Export attention as ONNX");
  expect(onnx.name).toBe("linear-layer0-decode.onnx");
  const layer = await ort.InferenceSession.create(onnx.bytes);
  expect(layer.inputNames).toEqual(["q", "k", "v", "past.s", "past.z"]);
  expect(layer.outputNames).toEqual(["y", "present.s", "present.z"]);

  await page.reload();
  await page.getByLabel("Load weights (safetensors)").setInputFiles(weights.path);
  await says(page, /^Paused on WebAssembly/);
  expect(await page.getByLabel("Steps", { exact: true }).inputValue()).toBe("61");
  const again = await download(page, "Download weights");
  expect(again.bytes).toEqual(weights.bytes);
  await press(page, "Resume");
  await says(page, /^Done .*: step 61 of 61$/);

  await page.getByLabel("Load weights (safetensors)").setInputFiles({
    name: "notes.safetensors",
    mimeType: "application/octet-stream",
    buffer: Buffer.from("no weights at all"),
  });
  await page
    .getByText(/notes\.safetensors: not a valid safetensors file/)
    .first()
    .waitFor();
  expect(await violations(page)).toEqual([]);
});

test("with WebGPU: a device that dies in the middle takes nothing that was shown, and another one goes on", async () => {
  const page = await visit({
    at: tiny(5000, "&train=linear&train-width=8&device=tfjs-webgpu"),
    options: { viewport: { width: 360, height: 800 } },
  });
  const devices: Promise<unknown>[] = [];
  page.on("worker", (worker) => {
    // Before the worker asks for its device, so that the test can reach it.
    devices.push(
      worker.evaluate(() => {
        const made: GPUDevice[] = [];
        Object.assign(globalThis, { made });
        const { requestDevice } = GPUAdapter.prototype;
        GPUAdapter.prototype.requestDevice = async function (...args) {
          const device = await requestDevice.apply(this, args);
          made.push(device);
          return device;
        };
      }),
    );
  });
  await press(page, "Start training");
  await says(page, /Training on WebGPU .*swiftshader.*: step [2-9]/i);
  await Promise.all(devices);
  const killed = await page.workers()[0]!.evaluate(() => {
    const { made } = globalThis as unknown as { made: GPUDevice[] };
    for (const device of made) device.destroy();
    return made.length;
  });
  expect(killed).toBe(1);
  await page
    .getByText(/The device was lost: /)
    .first()
    .waitFor();
  const before = await row(page, "linear");
  expect(Number(before[0])).toBeGreaterThan(1);
  expect(await overflows(page)).toBe(false);
  expect((await download(page, "Download weights")).name).toMatch(/^linear-\d+\.safetensors$/);
  await press(page, "Continue on WebAssembly");
  await says(page, /^Training on WebAssembly/);
  await expect
    .poll(async () => Number((await row(page, "linear"))[0]), { timeout: 60_000 })
    .toBeGreaterThan(Number(before[0]));
  await press(page, "Stop");
  await says(page, /^Done on WebAssembly/);
  expect(Number((await row(page, "linear"))[1])).toBeLessThan(6);
});

const provokes = /Failed to load resource|a broken/;

test.each(Object.entries(failures))("a worker whose script %s: a message, and the next try trains", async (_, fail) => {
  const page = await visit({ webgpu: false, at: tiny(3, "&train=linear&device=cpu"), provokes });
  await page.route(workerScript, fail);
  await press(page, "Start training");
  await says(page, /^Not started: the worker (could not be loaded|stopped: .*a broken (script|call))/);
  await page
    .getByRole("alert")
    .getByText(/the worker/)
    .waitFor();
  expect(await page.getByRole("button", { name: "Stop", exact: true }).count()).toBe(0);
  await page.unroute(workerScript);
  await press(page, "Start training");
  await says(page, /^Done on JavaScript .*: step 3 of 3$/);
});

test("a worker that never answers can be stopped, and the next try trains", async () => {
  const page = await visit({ webgpu: false, at: tiny(3, "&train=linear&device=cpu"), provokes });
  await page.route(workerScript, () => new Promise(() => {}));
  await press(page, "Start training");
  await says(page, /^Loading what computes/);
  await press(page, "Stop");
  await says(page, /^Not started: stopped/);
  await page.unrouteAll();
  await press(page, "Start training");
  await says(page, /^Done on JavaScript/);
});

test("a worker that throws in the middle: the curves stay, their device is named, and training goes on", async () => {
  const page = await visit({ webgpu: false, at: tiny(4000, "&train=linear&train-width=8&device=cpu"), provokes });
  await press(page, "Start training");
  await says(page, /^Training on JavaScript .*: step [2-9]/);
  // As a promise that nobody waits for; an exception outside of any call is the same.
  await page.workers()[0]!.evaluate(() => void Promise.reject(new Error("a broken worker")));
  await page.getByText(/The worker was lost: the worker stopped: .*a broken worker/).waitFor();
  const before = Number((await row(page, "linear"))[0]);
  expect(before).toBeGreaterThan(1);
  expect((await download(page, "Download weights")).name).toMatch(/^linear-\d+\.safetensors$/);
  await press(page, "Try JavaScript again");
  await says(page, /^Training on JavaScript/);
  await expect.poll(async () => Number((await row(page, "linear"))[0]), { timeout: 60_000 }).toBeGreaterThan(before);
  await press(page, "Stop");
  await says(page, /^Done on JavaScript/);
  expect(await page.getByTestId("train-on").textContent()).toMatch(
    /^Computed on JavaScript \(the processor, one thread\)\.$/,
  );
  // Another device is chosen: what is shown is not its own.
  await page.getByLabel("What computes").selectOption("tfjs-wasm");
  await says(page, /not of WebAssembly, which the next start uses/);
});

test("leaving asks first where models would be lost, and long text stays in sight", async () => {
  const page = await visit({
    webgpu: false,
    at: tiny(5, "&train=linear&device=cpu").replace("train-length=40", "train-length=3000"),
    options: { viewport: { width: 700, height: 800 } },
  });
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.accept();
  });
  await page.getByLabel("Seed").click(); // browsers ask only those who have touched the page
  await page.reload();
  expect(asked).toEqual([]);
  await press(page, "Start training");
  await says(page, /^Done on JavaScript/);

  await press(page, "Generate");
  const text = page.getByTestId("generated");
  const place = () => text.evaluate((t) => ({ top: t.scrollTop, rest: t.scrollHeight - t.scrollTop - t.clientHeight }));
  await expect.poll(async () => (await place()).top, { timeout: 60_000 }).toBeGreaterThan(0);
  expect((await place()).rest).toBeLessThan(40);
  await page.getByRole("button", { name: "Generate" }).waitFor();
  await expect.poll(async () => (await place()).rest).toBeLessThan(4);
  expect(await page.getByRole("list", { name: "State of each model" }).textContent()).toContain(
    "JavaScript (the processor",
  );

  await download(page, "Download weights");
  await page
    .evaluate(() => dispatchEvent(new Event("beforeunload", { cancelable: true })))
    .then((left) => expect(left).toBe(true));
  await press(page, "Train anew");
  await says(page, /^Done on JavaScript/);
  // The text was written by the models before.
  expect(await text.inputValue()).toBe("");
  await page.reload();
  expect(asked).toEqual(["beforeunload"]);
});

test("what cannot be trained is said before it is tried", async () => {
  const page = await visit({ webgpu: false, at: tiny(5, "&train=softmax") });
  await page.getByLabel("Heads").fill("3");
  await page.getByLabel("Heads").blur();
  await says(page, /width is 16; expected a multiple of the 3 heads/);
  expect(await page.getByRole("button", { name: "Start training" }).isDisabled()).toBe(true);
  await page.getByLabel("Heads").fill("4");
  await page.getByLabel("Heads").blur();
  await page.getByText(/^Text to learn/).click();
  await page
    .getByLabel("Or read a file")
    .setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("short") });
  await says(page, /The text has 5 bytes; this context needs at least 34/);
  await press(page, "Back to our story");
  await page.getByLabel("softmax").uncheck();
  await says(page, /Tick at least one mechanism/);
});
