/** Each kind, generated from a tarball in an empty folder: red first, then filled in, then green. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ops } from "./fixtures/ops.ts";
import { Workshop } from "./workshop.ts";

let shop: Workshop;
beforeAll(() => {
  shop = new Workshop();
}, 120_000);
afterAll(() => shop?.remove(), 60_000);

const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url);

describe("a backend", { timeout: 120_000 }, () => {
  test("is created by flags, and installs", () => {
    const { code, out, err } = shop.create("--kind", "backend", "--name", "my-backend", "--yes");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("cd my-backend\n  npm install\n  npm test\n");
    shop.install("my-backend");
  });

  test("is red: each operation has a failure that says what it must return", () => {
    const { code, out } = shop.script("my-backend", "test");
    expect(code).not.toBe(0);
    for (const name of Object.keys(ops).filter((op) => op !== "dtype" && op !== "shape")) {
      const failure = new RegExp(
        `op-${name} \\(.*AttentionError: my-backend: the operation ${name} is missing\\. Write ${name}\\(.+\\) in src/ops\\.ts\\. It must return \\w+`,
      );
      expect(out).toMatch(failure);
    }
    expect(out).not.toMatch(/transfer \(Backend\):.*crashed/);
  });

  test("is green once the operations are written", () => {
    const text = readFileSync(fixture("ops.ts"), "utf8").replace("../../templates/backend/src/", "./");
    writeFileSync(join(shop.folder, "my-backend/src/ops.ts"), text);
    const { code, out } = shop.script("my-backend", "test");
    expect(out).toMatch(/^. fail 0$/m);
    expect(Number(/^. pass (\d+)$/m.exec(out)?.[1])).toBeGreaterThan(800);
    expect(code).toBe(0);
  });
});

describe("a mechanism", { timeout: 120_000 }, () => {
  test("is red: its reference passes, and its program says what is missing", () => {
    expect(shop.create("--kind", "mechanism", "--yes").code).toBe(0);
    shop.install("my-mechanism");
    const { code, out } = shop.script("my-mechanism", "test");
    expect(code).not.toBe(0);
    expect(out).toMatch(/^(ok \d+ -|✔) the reference gives the numbers of a calculation by hand\b/m);
    expect(out).toMatch(
      /oracle \(.*AttentionError: my-mechanism: forward is missing .*It must return \{ y, state \}: y \[B, Hq, L, dv\]/,
    );
  });

  test("is green once the program is written", () => {
    copyFileSync(fixture("mechanism.ts"), join(shop.folder, "my-mechanism/src/index.ts"));
    const { code, out } = shop.script("my-mechanism", "test");
    expect(out).toMatch(/^. fail 0$/m);
    expect(Number(/^. pass (\d+)$/m.exec(out)?.[1])).toBeGreaterThan(400);
    expect(code).toBe(0);
  });
});

describe("an app", { timeout: 120_000 }, () => {
  const started = (template: string) => {
    expect(shop.create("--kind", "app", "--template", template, "--name", `${template}-app`, "--yes").code).toBe(0);
    shop.install(`${template}-app`);
    const { code, out, err } = shop.script(`${template}-app`, "start");
    expect(code, err).toBe(0);
    return out;
  };

  test("in Node decodes with both mechanisms", () => {
    const out = started("node");
    expect(out).toMatch(
      /^softmax: 200 tokens of prompt, 50 decoded at .*, 16000 numbers of state, last output -?\d\.\d+$/m,
    );
    expect(out).toMatch(/^linear: .* last output -?\d\.\d+$/m);
  });

  test("on TensorFlow.js learns", () => {
    const losses = [...started("tfjs").matchAll(/loss (\d+\.\d+)/g)].map((match) => Number(match[1]));
    expect(losses).toHaveLength(10);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
  });
});

test("a folder with content is refused, and left as it was", () => {
  const { code, err } = shop.create("--kind", "app", "--name", "node-app", "--yes");
  expect(code).toBe(1);
  expect(err).toMatch(/^The folder .*node-app is not empty: it contains .*Nothing was written/);
});
