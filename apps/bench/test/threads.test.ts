import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Results } from "@attnkit/measure/results";
import { describe, expect, test } from "vitest";
import { cli, folder, refused } from "./harness.ts";

const dir = folder();

test("a record whose cells had other threads is not resumed", async () => {
  const controller = new AbortController();
  controller.abort();
  const sizes = "--heads 1 --dim 4 --lengths 16,32 --decode-contexts 8 --no-memory --no-baselines";
  const args = `bench --backend ort-cpu --mechanism linear --threads 2 ${sizes} --out threads`.split(" ");
  const { code } = await cli(dir, args, { signal: controller.signal });
  expect(code).toBe(130);
  const file = readdirSync(join(dir, "threads")).find((name) => name.endsWith(".json"))!;
  const results = Results.parse(JSON.parse(readFileSync(join(dir, "threads", file), "utf8")));
  expect([results.options.threads, results.cells[0]!.threads]).toEqual([2, 2]);
  results.cells[0]!.threads = 1;
  writeFileSync(join(dir, "mixed.json"), JSON.stringify(results));
  const mixed = await cli(dir, ["bench", "--resume", "mixed.json"]);
  const why = expect.stringMatching(/mixed\.json: .*different numbers of threads: .* has 1, the run has 2/);
  expect([mixed.code, mixed.err]).toEqual([2, why]);
});

describe("bad input: one line, exit code 2, nothing written", () => {
  test.each<[string, string[], RegExp]>([
    ["no threads", ["--threads", "0"], /--threads <n>.*whole number from 1 to 256/],
    ["a broken number of threads", ["--backend", "ort-cpu", "--threads", "1.5"], /--threads <n>.*whole number/],
    [
      "threads for nobody",
      ["--backend", "cpu", "--threads", "2"],
      /--threads: cpu cannot run with 2 threads; .*ort-cpu, ort-wasm/,
    ],
    ["memory and no memory", ["--no-memory", "--memory-lengths", "3"], /--no-memory: cannot be combined/],
    ["resume with other threads", ["--resume", "q.json", "--threads", "2"], /cannot be combined with --threads/],
  ])("%s", (_, args, reason) => refused(dir, args, reason));
});
