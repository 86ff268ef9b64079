import { expect, test } from "vitest";
import { example } from "./example.ts";
import { logsumexpRow, numbersOf, softmaxRow, wave } from "./formulas.ts";

const worker = example("worker");
const sequence = example("sequence-over-workers");

test("worker: prefill and decode equal the formula, the arrays are gone, the main thread stays free", async () => {
  const lines = await worker.run("main.js");
  const [q, k, v] = [1, 2, 3].map((speed) => wave(speed, 1, 503, 32)) as [number[][], number[][], number[][]];
  expect(lines[0]).toBe("left here of q after sending: 0 bytes");
  for (const [text, t] of [
    ["prefill of 500 tokens", 499],
    ...[500, 501, 502].map((t) => [`decode of token ${t}`, t]),
  ]) {
    const line = lines.find((line) => line.startsWith(`${text}:`))!;
    const right = softmaxRow(q[t as number]!, k.slice(0, (t as number) + 1), v);
    for (const [c, y] of numbersOf(line).entries()) expect(y).toBeCloseTo(right[c]!, 4);
  }
  expect(numbersOf(lines[2]!)[0]).toBeGreaterThan(0);
});

test("sequence-over-workers: pieces joined by their states equal the formula", async () => {
  const lines = await sequence.run("main.js");
  const [q, k, v] = [1, 2, 3].map((speed) => wave(speed, 0, 1000, 16)) as [number[][], number[][], number[][]];
  const right = logsumexpRow(q[999]!, k, v);
  const last = numbersOf(lines.find((line) => line.startsWith("last token"))!);
  expect(last).toHaveLength(4);
  for (const [c, y] of last.entries()) expect(y).toBeCloseTo(right[c]!, 4);
  expect(numbersOf(lines.at(-1)!)[0]).toBeLessThan(1e-5);
  // m, z and s of two heads in float32, however long the piece is.
  expect(lines.filter((line) => line.endsWith(`sent a state of ${2 * 16 * 18 * 4} bytes`))).toHaveLength(4);
});
