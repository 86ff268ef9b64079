/** The tab Train as a visitor uses it: train, hold, go on, write, take weights away and bring them back, export. */
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-node";
import type { Page } from "playwright";
import { afterAll, expect, test } from "vitest";
import { readModel } from "../src/train/files/weights.ts";
import { leave, overflows, violations, visit } from "./visit.ts";

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
/**
 * Milliseconds that the page's thread computed in its longest task. A `longtask` entry also counts the time in which a
 * busy machine ran something else, so that it says more about the machine than about the page.
 */
function longestTask(trace: Buffer): number {
  interface Entry {
    readonly name: string;
    readonly ph: string;
    readonly pid: number;
    readonly tid: number;
    readonly tdur?: number;
    readonly args: { readonly name?: string };
  }
  const { traceEvents }: { traceEvents: Entry[] } = JSON.parse(trace.toString());
  const main = traceEvents.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain");
  const tasks = traceEvents.filter(
    (e) => e.ph === "X" && e.name.endsWith("RunTask") && main.some((m) => m.pid === e.pid && m.tid === e.tid),
  );
  expect(tasks.length).toBeGreaterThan(100);
  expect(tasks.some((e) => e.tdur !== undefined)).toBe(true);
  return Math.max(...tasks.map((e) => (e.tdur ?? 0) / 1000));
}
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
