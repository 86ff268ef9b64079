/** `attnkit bench` as a process of its own, which measures memory in further processes. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Results } from "@attnkit/measure/results";
import { describe, expect, test } from "vitest";
import { program } from "./built.ts";
import { folder } from "./harness.ts";

const dir = folder();
const { cli, run } = program(dir, ".bench-process-test");

describe("bench as a process", () => {
  const args = [
    "bench",
    "--mechanism",
    "linear,softmax",
    "--backend",
    "cpu",
    "--heads",
    "1",
    "--dim",
    "8",
    "--decode-contexts",
    "16",
    "--rounds",
    "3",
    "--budget",
    "5",
  ];

  test("measures peak memory in processes of their own: at the longest lengths, short ones told from noise", () => {
    const how = [
      "--backend",
      "ort-cpu,cpu",
      "--mechanism",
      "softmax",
      "--no-baselines",
      "--threads",
      "2",
      "--kernels",
      "never",
    ];
    const sizes = ["--lengths", "64,512,1024,2048", "--memory-lengths", "3", "--budget", "120"];
    const { status, stderr, stdout } = run([...args, ...how, ...sizes, "--out", "memory"]);
    expect([status, stderr]).toEqual([0, expect.not.stringContaining("not measured")]);
    const { cells } = load("memory");
    expect(cells.map((c) => [c.backend, c.threads])).toEqual([
      ["ort-cpu", 2],
      ["cpu", null],
    ]);
    for (const { memory } of cells) {
      expect(memory.map((m) => m.length)).toEqual([512, 1024, 2048]);
      for (const m of memory) expect([m.growth, m.before > 1e7]).toEqual([m.peak - m.before, true]);
      // Scores of 2048 x 2048 x 4 bytes are 16 MiB: whatever else is counted, they are in it.
      expect([memory[2]!.resolved, memory[2]!.growth > 2 ** 24]).toEqual([true, true]);
    }
    expect(stdout).toContain("Threads for one operation: 2 on ort-cpu, baselines included");
    expect(stdout).toMatch(/peak memory ~ tokens\^/);
  });

  // Windows has no SIGINT to send; `bench.test.ts` interrupts in the process on every system.
  test.runIf(process.platform !== "win32")(
    "SIGINT writes what there is",
    async () => {
      const child = spawn(
        process.execPath,
        [cli, ...args, "--lengths", "64,128,1024", "--rounds", "500", "--budget", "100", "--out", "stopped"],
        { cwd: dir, stdio: ["ignore", "ignore", "pipe"] },
      );
      const code = await new Promise((resolve) => {
        child.on("exit", resolve);
        child.stderr.on(
          "data",
          (text: Buffer) => text.includes("timing prefill") && setTimeout(() => child.kill("SIGINT"), 200),
        );
      });
      expect(code).toBe(130);
      expect(load("stopped").complete).toBe(false);
      expect(load("stopped").cells.some((c) => c.prefill.length > 0)).toBe(true);
      expect(
        readdirSync(join(dir, "stopped"))
          .map((f) => f.split(".").at(-1))
          .sort(),
      ).toEqual(["csv", "html", "json"]);
    },
    60_000,
  );
});

function load(folderName: string): Results {
  const file = readdirSync(join(dir, folderName)).find((f) => f.endsWith(".json"))!;
  return Results.parse(JSON.parse(readFileSync(join(dir, folderName, file), "utf8")));
}
