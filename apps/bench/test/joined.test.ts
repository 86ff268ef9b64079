import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Results } from "@attnkit/measure/results";
import { beforeAll, expect, test } from "vitest";
import { cli, folder } from "./harness.ts";

const dir = folder();
beforeAll(async () => {
  const args = "bench --backend cpu --mechanism linear,softmax --heads 1 --dim 4 --lengths 16 --decode-contexts 8";
  await cli(dir, [...args.split(" "), ..."--rounds 3 --budget 3 --no-memory --out run".split(" ")]);
  const file = readdirSync(join(dir, "run")).find((f) => f.endsWith(".json"))!;
  const results = Results.parse(JSON.parse(readFileSync(join(dir, "run", file), "utf8")));
  writeFileSync(join(dir, "a.json"), JSON.stringify(results));
  results.environment.cpu = "an abacus";
  results.ratios = results.ratios.map((r) => ({ ...r, ratio: { value: 7, low: 6.9, high: 7.1, readable: true } }));
  writeFileSync(join(dir, "b.json"), JSON.stringify(results));
  writeFileSync(join(dir, "other.json"), "{}");
});

test("joins machines: a column for each, ratios of its own", async () => {
  const { code, out } = await cli(dir, ["report", "a.json", "b.json", "--out", "joined"]);
  expect(code).toBe(0);
  expect(out).toMatch(/^\| B +\| an abacus/m);
  expect(out).toMatch(/linear on cpu float32 \/ softmax on cpu float32 \| +16 \|[^|]+\| +7\.00 \(6\.90 to 7\.10\) \|/);
  expect(readFileSync(join(dir, "joined/report.md"), "utf8")).toBe(out);
  const lines = readFileSync(join(dir, "joined/report.csv"), "utf8").trimEnd().split("\r\n");
  // Two machines, each with two cells at two sizes, and two ratios.
  expect(lines.length).toBe(1 + 2 * (4 + 2));
  expect(lines.filter((line) => line.startsWith("B,ratio,"))).toHaveLength(2);
});

test.each<[string, string[], RegExp]>([
  ["no file", [], /missing required argument/],
  ["a missing file", ["nope.json"], /nope\.json: no such file/],
  ["another file", ["a.json", "other.json"], /other\.json: is not a results file of schema attnkit-bench\/4 \(/],
  ["an unwritable folder", ["a.json", "--out", "other.json"], /other\.json: .*(in the way|not a folder)/],
])("bad input: %s", async (_, args, reason) => {
  const { code, out, err } = await cli(dir, ["report", ...args]);
  expect([code, out, err.trimEnd().split("\n").length]).toEqual([2, "", 1]);
  expect(err).toMatch(reason);
});
