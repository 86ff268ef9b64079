/** The example for Deno in the README of `@attnkit/webgpu`. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runInDeno } from "./deno.ts";

test("the example of the README runs in Deno", { timeout: 120_000 }, async () => {
  const readme = readFileSync(new URL("../../../../packages/backends/webgpu/README.md", import.meta.url), "utf8");
  const code = /^## In Deno$.*?^```js\n(.*?)^```$/ms.exec(readme)?.[1];
  if (code === undefined) throw new Error("the README of @attnkit/webgpu has no section In Deno with a fence js");
  const { code: status, out, err } = await runInDeno("readme", { code });
  expect({ status, err }).toEqual({ status: 0, err: "" });
  const [a, b, c, d] = JSON.parse(out) as number[];
  // The first token sees itself; the second has the scores 0 and 1 / sqrt(2).
  const own = 1 / (1 + Math.exp(-Math.SQRT1_2));
  expect([a, b]).toEqual([1, 0]);
  expect(c).toBeCloseTo(1 - own, 5);
  expect(d).toBeCloseTo(own, 5);
});
