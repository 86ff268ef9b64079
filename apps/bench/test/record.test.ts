import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Results } from "@attnkit/measure/results";
import { expect, test, vi } from "vitest";
import { z } from "zod";
import { cpuRun } from "../src/commands/record-runs.ts";
import { groups, nameOf } from "../src/gpu/sizes.ts";
import { Record } from "../src/record.ts";

vi.setConfig({ testTimeout: 300_000 });

import { cli, folder } from "./harness.ts";

const dir = folder();

test("the committed JSON Schema is that of the code", () => {
  const schema = readFileSync(new URL("../record/schema.json", import.meta.url), "utf8");
  expect(JSON.parse(schema)).toEqual(z.toJSONSchema(Record));
});

test("a trial record has every group, checked, and says that its adapter is software", async () => {
  const { code, out } = await cli(dir, ["bench", "--record", "gpu", "--smoke", "--out", "."]);

  expect(code).toBe(0);
  const file = readdirSync(dir).find((name) => name.endsWith(".json"))!;
  const record = Record.parse(JSON.parse(readFileSync(join(dir, file), "utf8")));
  expect([record.complete, record.smoke]).toEqual([true, true]);
  expect(record.groups.map((g) => g.name)).toEqual(groups(true).map(nameOf));
  expect(Object.keys(record.versions)).toContain("webgpu");
  for (const column of ["webgpu", "tfjs-webgpu", "ort-webgpu"]) expect(record.adapters[column]!.software).toBe(true);
  for (const { name, cells } of record.groups) {
    expect(out).toContain(`## ${name}\n\nSoftware adapter: correctness only`);
    const own = cells.filter((c) => c.role === "attnkit" && c.dtype === "float32");
    expect(own.map((c) => [c.id, c.status])).toEqual(own.map((c) => [c.id, "ok"]));
    for (const c of cells) expect(["ok", "refused"]).toContain(c.status);
    for (const c of cells.filter((x) => x.status === "ok")) expect(c.checks.every((check) => check.passed)).toBe(true);
  }
  expect(record.findings.length).toBeGreaterThan(10);
  for (const { ratio } of record.findings) expect(ratio).toBe(null);
  expect(record.onnx!.models.length).toBe(20);
});

test("a record of the processor holds the default run, with every mechanism checked and timed", async () => {
  const out = join(dir, "cpu");
  const { code, out: text } = await cli(dir, ["bench", "--record", "cpu", "--smoke", "--out", "cpu"]);
  expect(code).toBe(0);
  expect(text).toContain(`Written: ${join("cpu", "cpu.json")}`);
  expect(readdirSync(out)).toEqual(["cpu.json"]);
  const results = Results.parse(JSON.parse(readFileSync(join(out, "cpu.json"), "utf8")));
  expect([results.complete, results.options]).toEqual([true, cpuRun(true)]);
  expect(results.cells.length).toBeGreaterThanOrEqual(5);
  for (const { status, prefill, decode } of results.cells)
    expect([status, prefill.length, decode.length]).toEqual(["ok", 2, 2]);
});

test("the record of the processor has the options of a run without flags", async () => {
  const { code } = await cli(dir, ["bench", "--out", "plain"], { signal: AbortSignal.abort() });
  expect(code).toBe(130);
  const file = readdirSync(join(dir, "plain")).find((name) => name.endsWith(".json"))!;
  expect(JSON.parse(readFileSync(join(dir, "plain", file), "utf8")).options).toEqual(cpuRun(false));
});

test("an interrupted record writes nothing", async () => {
  const { code, err } = await cli(dir, ["bench", "--record", "cpu", "--smoke", "--out", "none"], {
    signal: AbortSignal.abort(),
  });
  expect(code).toBe(130);
  expect(err).toContain("interrupted; no record was written");
  expect(existsSync(join(dir, "none", "cpu.json"))).toBe(false);
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
