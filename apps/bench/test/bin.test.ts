import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { Results } from "../src/results.ts";
import { folder } from "./harness.ts";

const app = fileURLToPath(new URL("../", import.meta.url));
const dir = folder();
/** The built command line where the built output is under test, else one that is built here from the sources. */
const built = process.env.ATTNKIT_DIST === "1";
const out = built ? join(app, "dist") : join(app, "node_modules/.bin-test");
const cli = join(out, "cli.js");

beforeAll(async () => {
  if (built) return;
  const { dependencies } = JSON.parse(readFileSync(join(app, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const external = Object.keys(dependencies).filter((name) => !name.startsWith("@attnkit/"));
  await build({
    entryPoints: { cli: join(app, "src/cli.ts"), "peak-child": join(app, "src/measure/peak-child.ts") },
    outdir: out,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    conditions: ["@attnkit/source"],
    external,
  });
}, 60_000);

const run = (args: readonly string[], cwd = dir, env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, [cli, ...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, INIT_CWD: "", npm_package_json: "", ...env },
  });

test("exit codes and streams are those of the process", () => {
  expect(run(["list", "--markdown"])).toMatchObject({ status: 0, stderr: "" });
  expect(run(["run", "--mechanism", "linear", "--tensors", "nope.npz", "--out", "y.npz"])).toMatchObject({
    status: 2,
    stdout: "",
    stderr: "attnkit: nope.npz: no such file or folder; expected a file that can be read\n",
  });
});

test("paths start where the user stands, also when a package script runs the program elsewhere", () => {
  const stands = join(dir, "stands");
  mkdirSync(stands);
  writeFileSync(join(stands, "v.json"), '{"format":"attnkit-vectors/1","cases":[]}');
  const args = ["conform", "--vectors", "v.json"];
  writeFileSync(join(dir, "package.json"), "{}");
  const script = { npm_package_json: join(dir, "package.json"), INIT_CWD: stands };
  expect(run(args, dir, script)).toMatchObject({ status: 0, stdout: "0 passed, 0 failed, 0 unsupported\n" });
  expect(run(args, stands)).toMatchObject({ status: 0 });
  // A program that the script started somewhere else stands there, not where the user of the script does.
  expect(run(args, app, script)).toMatchObject({ status: 2 });
});

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
    const sizes = ["--lengths", "64,512,1024,2048", "--memory-lengths", "3", "--budget", "30"];
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
      ).toEqual(["html", "json"]);
    },
    60_000,
  );
});

function load(folderName: string): Results {
  const file = readdirSync(join(dir, folderName)).find((f) => f.endsWith(".json"))!;
  return Results.parse(JSON.parse(readFileSync(join(dir, folderName, file), "utf8")));
}
