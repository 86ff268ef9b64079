/** A visitor: a real Chromium on the built page, whose every complaint fails the test. */
import axe, { type Result } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page, type Route } from "playwright";
import { expect, inject, onTestFinished } from "vitest";
import { launch } from "../../../tools/repo/chromium.ts";

export interface Visit {
  /** The part of the address after the folder: `"?replay=..."`, `"#tab=check"`. */
  readonly at?: string;
  /** False takes WebGPU away before the page starts. */
  readonly webgpu?: boolean;
  readonly options?: BrowserContextOptions;
  /** Complaints that the test provokes, such as a script that it takes away. */
  readonly provokes?: RegExp;
}

let browser: Promise<Browser> | undefined;

/** One browser for the tests of a file; close it with {@link leave} in `afterAll`. */
export async function visit({ at = "", webgpu = true, options = {}, provokes }: Visit = {}): Promise<Page> {
  const { env, ...rest } = launch();
  // Playwright's type of env has no undefined values.
  browser ??= chromium.launch({ ...rest, ...(env && { env: env as Record<string, string> }) });
  // On a machine without a locale the page's language would be "en-US@posix", which Intl refuses.
  const context = await (await browser).newContext({
    locale: "en-GB",
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(inject("site")) && !/^(blob|data):/.test(url)) complaints.push(`asked for ${url}`);
  });
  await page.addInitScript(hold);
  if (!webgpu) await page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, "gpu"));
  onTestFinished(async () => {
    await context.close();
    expect(complaints.filter((words) => !provokes?.test(words))).toEqual([]);
  });
  await page.goto(inject("site") + at);
  return page;
}

export async function leave(): Promise<void> {
  await (await browser)?.close();
}

/** Keeps the page's GPU devices within reach, for {@link killDevices}. */
function hold(): void {
  const devices: GPUDevice[] = [];
  Object.assign(globalThis, { devices });
  if (!("GPUAdapter" in globalThis)) return;
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await requestDevice.apply(this, args);
    devices.push(device);
    return device;
  };
}

/** Fates of a worker's script: a redeploy takes it away, the network fails, a server sends something else, it throws. */
export const failures: Readonly<Record<string, (route: Route) => Promise<unknown>>> = {
  "is not there": (route) => route.fulfill({ status: 404, body: "not found" }),
  "cannot be reached": (route) => route.abort("internetdisconnected"),
  "is another page's": (route) =>
    route.fulfill({ status: 200, contentType: "text/html", body: "<!doctype html><title>moved</title>" }),
  "throws at once": (route) =>
    route.fulfill({ status: 200, contentType: "text/javascript", body: 'throw new Error("a broken script")' }),
  "throws at the first call": (route) =>
    route.fulfill({
      status: 200,
      contentType: "text/javascript",
      body: 'addEventListener("message", () => { throw new Error("a broken call"); })',
    }),
};

/** The scripts of workers, as the build names them. */
export const workerScript = /\/assets\/worker-[^/]*\.js$/;

/** Destroys every device of the page; how many there were. */
export function killDevices(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { devices } = globalThis as unknown as { devices: GPUDevice[] };
    for (const device of devices) device.destroy();
    return devices.splice(0).length;
  });
}

/** Returns the serious and critical violations that axe finds, as sentences. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found: Result[] = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    return (await axe.run()).violations;
  });
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}

/** Returns whether the page is wider than the window. */
export const overflows = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

/**
 * Milliseconds that the page's thread computed in its longest task. A `longtask` entry also counts the time in which a
 * busy machine ran something else, so that it says more about the machine than about the page.
 */
export function longestTask(trace: Buffer): number {
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
