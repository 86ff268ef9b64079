import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { example } from "./example.ts";
import { softmaxRow } from "./formulas.ts";

const serving = example("onnx-serving");
const folder = mkdtempSync(join(tmpdir(), "attnkit-serving-"));
let server: ReturnType<typeof serving.start>;
let url = "";

beforeAll(async () => {
  const file = join(folder, "attention.onnx");
  await serving.run("export.js", [file]);
  server = serving.start("server.js", [file], { PORT: "0", WAIT_MS: "300" });
  url = (await once(createInterface({ input: server.stdout }), "line"))[0];
}, 60_000);
afterAll(async () => {
  server.kill();
  await rm(folder, { recursive: true, force: true });
});

const post = async (body: object) => {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, answer: await response.json() };
};
/** 4 heads of 16 channels, flat. */
const numbers = (tokens: number, speed: number) =>
  Array.from({ length: 4 * tokens * 16 }, (_, i) => 2 * Math.sin(speed * (i + tokens)));

test("answers that were computed in one batch equal the formula", async () => {
  const lengths = [3, 1, 17, 40, 8];
  const asked = lengths.map((n) => ({ q: numbers(n, 0.3), k: numbers(n, 0.7), v: numbers(n, 1.1) }));
  const replies = await Promise.all(asked.map(post));
  expect(replies.map(({ answer }) => answer.batch)).toEqual([5, 5, 5, 5, 5]);
  for (const [i, { status, answer }] of replies.entries()) {
    expect(status).toBe(200);
    const n = lengths[i]!;
    const rows = (x: number[]) => Array.from({ length: 4 * n }, (_, r) => x.slice(r * 16, (r + 1) * 16));
    const [q, k, v] = [asked[i]!.q, asked[i]!.k, asked[i]!.v].map(rows) as [number[][], number[][], number[][]];
    const right = q.flatMap((row, r) => {
      const head = Math.floor(r / n) * n;
      return softmaxRow(row, k.slice(head, head + n), v.slice(head, head + n));
    });
    expect(answer.y).toHaveLength(right.length);
    expect(Math.max(...right.map((y, at) => Math.abs(y - answer.y[at])))).toBeLessThan(1e-5);
  }
});

test("the client finds the answers right, and several in a batch", async () => {
  const lines = await serving.run("client.js", [url]);
  const [answers, largest] = /answers: (\d+); the largest batch: (\d+)/.exec(lines[0]!)!.slice(1).map(Number);
  expect(answers).toBe(20);
  expect(largest).toBeGreaterThan(1);
});

test("a wrong question is refused, and the server lives on", async () => {
  const { status, answer } = await post({ q: numbers(2, 1), k: numbers(3, 1), v: numbers(2, 1) });
  expect([status, answer.error]).toEqual([
    400,
    expect.stringContaining("k must be an array of 4 * tokens * 16 numbers"),
  ]);
  expect((await post({ q: [], k: [], v: [] })).status).toBe(400);
  expect((await post({ q: [], k: [], v: [], more: "x".repeat(5_000_000) })).answer.error).toContain(
    "at most 4000000 bytes",
  );
  const infinite = numbers(1, 1).with(0, 1e300);
  expect((await post({ q: infinite, k: infinite, v: infinite })).status).toBe(400);
  expect((await fetch(url)).status).toBe(405);
  expect((await post({ q: numbers(1, 1), k: numbers(1, 1), v: numbers(1, 1) })).status).toBe(200);
});
