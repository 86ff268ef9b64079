import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { gpuRuns } from "../src/commands/record-runs.ts";
import { Record } from "../src/record.ts";
import { cli, folder } from "./harness.ts";

const dir = folder();

test("the committed JSON Schema is that of the code", () => {
  const schema = readFileSync(new URL("../record/schema.json", import.meta.url), "utf8");
  expect(JSON.parse(schema)).toEqual(z.toJSONSchema(Record));
});

test("a trial record has every run, checked, and says that its adapter is software", async () => {
  const { code, out } = await cli(dir, ["bench", "--record", "gpu", "--smoke", "--out", "."]);
  expect(code).toBe(0);
  const file = readdirSync(dir).find((name) => name.endsWith(".json"))!;
  const record = Record.parse(JSON.parse(readFileSync(join(dir, file), "utf8")));
  expect([record.complete, record.smoke]).toEqual([true, true]);
  expect(record.runs.map((r) => r.name)).toEqual(gpuRuns(true).map((r) => r.name));
  expect(Object.keys(record.versions)).toContain("webgpu");
  expect(record.adapters["tfjs-webgpu"]!.software).toBe(true);
  expect(out.match(/Software adapter: correctness only/g)!.length).toBeGreaterThanOrEqual(3);
  const cells = record.runs.flatMap((r) => r.results.cells);
  expect(cells.length).toBeGreaterThanOrEqual(5);
  for (const cell of cells) expect(["ok", "refused"]).toContain(cell.status);
  expect(cells.some((c) => c.prefill.some((p) => p.gpu !== null))).toBe(true);
  expect(record.runs.at(-1)!.results.cells[0]!.decode.length).toBe(1);
});

test("a record of a GPU compares what the promises are about", () => {
  const [softmax, linear, decode] = gpuRuns(false).map((r) => r.options);
  expect([softmax!.lengths, softmax!.baselines, softmax!.heads, softmax!.dim]).toEqual([
    [2048, 4096, 8192],
    true,
    8,
    64,
  ]);
  // The plain score matrix of 8192 tokens must fit, that of 16384 need not.
  expect(softmax!.largest).toBeGreaterThan(8 * 8192 ** 2 * 4);
  expect([linear!.lengths, linear!.mechanism]).toEqual([[16384], "softmax,linear,logsumexp,elementwise"]);
  expect(decode!.contexts).toContain(16384);
});

test.each([
  [["--record", "gpu", "--heads", "3"], /--record: .*cannot be combined with --heads/],
  [["--smoke"], /--smoke: works only together with --record/],
  [["--record", "tpu"], /--record <what>.*cpu, gpu/],
])("bad flags: %j", async (args, reason) => {
  const { code, err } = await cli(dir, ["bench", ...args]);
  expect(code).toBe(2);
  expect(err).toMatch(reason);
});
