/** The Vite page, generated and built from tarballs, on WebGPU and without it. */
import { join } from "node:path";
import { type Browser, chromium } from "playwright";
import { type PreviewServer, preview } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "../../repo/chromium.ts";
import { Workshop } from "./workshop.ts";

let shop: Workshop;
let server: PreviewServer;
let browser: Browser;
let url: string;

beforeAll(async () => {
  shop = new Workshop();
  const created = shop.create("--kind", "app", "--template", "vite", "--yes");
  expect(created.code, created.err).toBe(0);
  shop.install("my-app");
  for (const script of ["check", "build"]) {
    const { code, out, err } = shop.script("my-app", script);
    expect(code, out + err).toBe(0);
  }
  const root = join(shop.folder, "my-app");
  server = await preview({ root, configFile: false, logLevel: "silent", preview: { port: 0, host: "127.0.0.1" } });
  url = server.resolvedUrls!.local[0]!;
  const { env, ...rest } = launch();
  browser = await chromium.launch({ ...rest, ...(env && { env: env as Record<string, string> }) });
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await server?.close();
  shop?.remove();
}, 60_000);

test.each([
  ["webgpu", ""],
  ["cpu", "Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined })"],
])("the page decodes on %s", async (backend, script) => {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  if (script) await page.addInitScript(script);
  await page.goto(url);
  await page.getByText(/Last output: -?\d\.\d{4}/).waitFor({ timeout: 60_000 });
  expect(await page.locator("#backend").textContent()).toBe(`Backend: ${backend}`);
  expect(errors).toEqual([]);
  await page.close();
});
