import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright";
import { build, defaultClientConditions } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "../../../tools/repo/chromium.ts";

const root = fileURLToPath(new URL("../vite-webgpu", import.meta.url));
const dist = join(root, "node_modules/.cache/site");
let server: Server;
let browser: Browser;

beforeAll(async () => {
  await build({
    root,
    logLevel: "warn",
    resolve: { conditions: ["@attnkit/source", ...defaultClientConditions] },
    build: { outDir: dist, emptyOutDir: true },
  });
  server = createServer(({ url = "" }, response) => {
    const path = new URL(url, "http://localhost").pathname;
    response.setHeader("content-type", path.endsWith(".js") ? "text/javascript" : "text/html; charset=utf-8");
    response.end(readFileSync(join(dist, path === "/" ? "index.html" : path)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { env, ...rest } = launch();
  browser = await chromium.launch({ ...rest, ...(env && { env: env as Record<string, string> }) });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** Opens the page after `before` ran in it, presses its button, and returns what it says. */
async function visit(before: () => void): Promise<{ backend: string; result: string; complaints: string[] }> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.addInitScript(before);
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.getByRole("button", { name: "Run 256 tokens" }).click();
  const result = (await page.locator("#result", { hasText: "outputs" }).textContent()) ?? "";
  const backend = (await page.locator("#backend").textContent()) ?? "";
  await page.close();
  return { backend, result, complaints };
}

test("with WebGPU, its backend runs", async () => {
  const { backend, result, complaints } = await visit(() => {});
  expect(backend).toBe("Runs on webgpu: this browser has a WebGPU adapter.");
  near(result);
  expect(complaints).toEqual([]);
});

test.each([
  [
    "without WebGPU",
    () => void Reflect.deleteProperty(Navigator.prototype, "gpu"),
    "Runs on cpu: this browser has no WebGPU.",
  ],
  [
    "without an adapter",
    () => {
      GPU.prototype.requestAdapter = async () => null;
    },
    "Runs on cpu: the browser has WebGPU, but no adapter on this machine.",
  ],
  [
    "with an adapter that gives no device",
    () => {
      GPUAdapter.prototype.requestDevice = async () => {
        throw new Error("out of devices");
      };
    },
    "Runs on cpu: the browser gave no WebGPU device: out of devices.",
  ],
])("%s, the CPU runs and the page says why", async (_, before, sentence) => {
  const { backend, result, complaints } = await visit(before);
  expect(backend).toBe(sentence);
  near(result);
  expect(complaints).toEqual([]);
});

/** Compares what the page shows with plain loops in float64. */
function near(result: string): void {
  const shown = /Last 3 of 32768 outputs: (.*?)\. Time/.exec(result)?.[1]?.split(", ").map(Number);
  expect(shown).toHaveLength(3);
  for (const [i, x] of lastOutputs().entries()) expect(shown![i]).toBeCloseTo(x, 4);
}

/** The last 3 channels of the last token of the last head. */
function lastOutputs(): number[] {
  const [L, d, head] = [256, 32, 3];
  const x = (seed: number, token: number, c: number) =>
    Math.fround(Math.sin(((head * L + token) * d + c) * (seed + 0.1)));
  const weights = Array.from({ length: L }, (_, j) => {
    let score = 0;
    for (let c = 0; c < d; c++) score += x(1, L - 1, c) * x(2, j, c);
    return Math.exp(score / Math.sqrt(d));
  });
  const total = weights.reduce((a, b) => a + b);
  return [29, 30, 31].map((c) => weights.reduce((y, w, j) => y + (w / total) * x(3, j, c), 0));
}
