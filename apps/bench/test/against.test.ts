import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { embed } from "@attnkit/measure/embed";
import { normals } from "@attnkit/measure/random";
import type { BenchOptions } from "@attnkit/measure/results";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { type Own, packagesIn } from "../src/measure/against/builds.ts";
import { type Compared, type ComparisonEffort, compare, EFFORT, type Outcome } from "../src/measure/against/compare.ts";
import { judge } from "../src/measure/against/judge.ts";
import { stage } from "../src/measure/against/stage.ts";
import { againstCsv, againstTable } from "../src/report/against.ts";
import { folder, refused } from "./harness.ts";
import { packed } from "./packed.ts";

vi.setConfig({ testTimeout: 240_000 });

const dir = folder();
const at = (name: string) => join(dir, name);

/** Linear attention whose program runs twelve times, and answers `factor` times the mean. */
const planted = (factor: number) => ({
  path: /linear\/src\/index\.ts$/,
  change: (source: string) =>
    `${source.replace("export function linear(", "function once(")}
export function linear(options: LinearOptions = {}): Mechanism {
  const real = once(options);
  return {
    ...real,
    forward(o, block, how) {
      const results = Array.from({ length: 12 }, () => real.forward(o, block, how));
      return { ...results[0], y: o.mul(results.map(({ y }) => y).reduce((a, b) => o.add(a, b)), ${factor / 12}) };
    },
  };
}
`,
});

/** A program that runs twelve times is slower by far more than this, whatever else the machine does. */
const THRESHOLD = 1;
const SMALL: ComparisonEffort = { pairs: 3, looks: 3, warm: 0.1, samples: 3, sample: 0.01 };

const options: BenchOptions = {
  ...{ mechanism: "linear,softmax", backend: "cpu", dtype: null, heads: 2, kvHeads: 2, dim: 16, seed: 1 },
  ...{ lengths: [128], contexts: [64], rounds: 11, budget: 1e6, kernels: "prefer" as const, baselines: false },
  ...{ largest: 2 ** 28, memory: 0, threads: 1, text: null, tensors: null },
};
const sequence = embed(new TextEncoder().encode("Attention. ".repeat(40)), {
  ...{ seed: 1, length: 128, heads: 2, kvHeads: 2, dim: 16 },
});

let ours: Own;
const scripts = new Map<string, string>();
beforeAll(async () => {
  ours = await packed(at("ours"));
  await packed(at("slow"), planted(1));
  await packed(at("wrong"), planted(1.02));
  const names = [...ours.packages.keys()];
  for (const name of ["ours", "slow", "wrong"])
    scripts.set(name, await stage(at(`staged-${name}`), await packagesIn(at(name), names, at("tgz")), ours));
}, 120_000);

const run = (own: string, other: string, signal = new AbortController().signal): Promise<Outcome> =>
  compare({
    ...{
      scripts: [scripts.get(own)!, scripts.get(other)!],
      dir: other,
      options,
      sequence,
      threshold: THRESHOLD,
      effort: SMALL,
      signal,
    },
    progress: { step() {}, note() {}, stop() {} },
  });

describe("two builds in one run", () => {
  test("a slow program is found in its cell, and nothing else is flagged", async () => {
    const outcome = await run("slow", "ours");
    expect([outcome.failed, outcome.skipped, outcome.leftOut, outcome.complete]).toEqual([[], [], [], true]);
    const flagged = (c: Compared) => c.verdict === "slower" || c.verdict === "faster";
    expect(outcome.compared.map((c) => [c.cell, c.what, flagged(c) && c.verdict]).sort()).toEqual([
      ["linear on cpu float32", "decode", "slower"],
      ["linear on cpu float32", "prefill", "slower"],
      ["softmax on cpu float32", "decode", false],
      ["softmax on cpu float32", "prefill", false],
    ]);
    for (const c of outcome.compared) {
      expect([c.clock, c.pairs.length >= SMALL.pairs]).toEqual(["cpu", true]);
      expect(new Set(c.pairs.flatMap((p) => [p.own.length, p.other.length]))).toEqual(new Set([SMALL.samples]));
    }
    const text = againstTable(outcome, THRESHOLD);
    expect(text).toMatch(/linear on cpu float32 +\| prefill .*\| SLOWER/);
    expect(text).toContain("This build is slower by more than 100 % in 2 of 4 times, and faster in 0 of 4.");
    expect(againstCsv(outcome).trimEnd().split("\r\n").length).toBe(5);
  });

  test("a build whose answer is wrong is not timed in that cell", async () => {
    const { compared, failed } = await run("ours", "wrong");
    expect(failed.map((f) => f.cell)).toEqual(["linear on cpu float32"]);
    expect(failed[0]!.reason).toMatch(/^wrong in the other build: oracle check at \d+ tokens, row \d+ is /);
    expect([...new Set(compared.map((c) => c.cell))]).toEqual(["softmax on cpu float32"]);
  });

  test("an interrupted run says that it is incomplete", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 1000);
    const outcome = await run("ours", "ours", controller.signal);
    expect([outcome.complete, outcome.failed]).toEqual([false, []]);
    expect(againstTable(outcome, THRESHOLD)).toContain("Incomplete: the run was interrupted.");
  });
});

describe("a judgement", () => {
  const normal = normals(3);
  /** Judges as a run of 60 times does. Pairs of processes differ by 4 %; `ratio` is that of the true times. */
  const judged = (ratio: number) => {
    const limits = { threshold: 0.1, verdicts: 60 * EFFORT.looks };
    const ratios: number[] = [];
    for (let look = 0; look < EFFORT.looks; look++) {
      for (let n = 0; n < EFFORT.pairs; n++) ratios.push(ratio * Math.exp(0.04 * normal()));
      if (!judge(ratios, limits).open) break;
    }
    return judge(ratios, limits).verdict;
  };
  const count = (ratio: number, verdict: string) =>
    Array.from({ length: 200 }, () => judged(ratio)).filter((v) => v === verdict).length;

  test("finds 20 % in both directions among 60 comparisons", () => {
    expect(count(1.2, "slower")).toBeGreaterThan(190);
    expect(count(1 / 1.2, "faster")).toBeGreaterThan(190);
  });

  test("flags nothing that is equal, or within the threshold", () => {
    for (const ratio of [1, 1.05, 1 / 1.05, 1.1])
      expect([ratio, count(ratio, "slower") + count(ratio, "faster")]).toEqual([ratio, 0]);
  });

  test("is made of pairs of processes, which must agree", () => {
    const limits = { threshold: 0.1, verdicts: 1 };
    expect(judge([1.5, 1.5], limits)).toMatchObject({ verdict: "slower", open: false });
    expect(judge([1.5, 1.0], limits)).toMatchObject({ verdict: "unclear", open: true, readable: false });
    expect(judge([1.06, 1.07, 1.06], limits)).toMatchObject({ verdict: "same", open: true });
    expect(judge([1.01, 0.99, 1.01], limits)).toMatchObject({ verdict: "same", open: false, readable: true });
  });
});

describe("the other build", () => {
  test("may be tarballs", async () => {
    mkdirSync(at("tarballs"));
    for (const [name, from] of ours.packages) {
      const layout = at(`layout/${name}`);
      cpSync(from, join(layout, "package"), { recursive: true, filter: (file) => !file.endsWith("node_modules") });
      const file = at(`tarballs/${name.replace("@attnkit/", "attnkit-")}.tgz`);
      execFileSync("tar", ["-czf", file, "-C", layout, "package"]);
    }
    const found = await packagesIn(at("tarballs"), [...ours.packages.keys()], at("unpacked"));
    expect([...found.keys()].sort()).toEqual([...ours.packages.keys()].sort());
  });

  test("that does not start is refused with the error of its process", async () => {
    mkdirSync(at("broken"));
    writeFileSync(at("broken/child.mjs"), 'throw new Error("no such engine");\n');
    scripts.set("broken", at("broken/child.mjs"));
    await expect(run("ours", "broken")).rejects.toThrow(
      /^--against broken: its build does not run: its process ended with code 1: Error: no such engine$/,
    );
  });

  test.each<[string, string[], RegExp]>([
    ["no folder", ["--against", "nowhere"], /--against .*nowhere: is not a folder/],
    ["an empty folder", ["--against", "empty"], /--against .*empty: has no packages; expected a checkout/],
    ["a package is missing", ["--against", "part"], /--against .*part: has no package @attnkit\//],
    ["not built", ["--against", "unbuilt"], /@attnkit\/core is not built: \.\/dist\/.* is missing/],
    ["a threshold alone", ["--threshold", "5"], /--threshold: works only together with --against DIR/],
    ["no threshold", ["--against", "empty", "--threshold", "0"], /--threshold <percent>.*above 0/],
    ["resume", ["--against", "empty", "--resume", "x.json"], /cannot be combined with --(against|resume)/],
    ["an unwritable folder", ["--against", "empty", "--out", "file"], /file: .*(in the way|not a folder)/],
  ])("bad input: %s", async (_, args, reason) => {
    const place = folderOfBadInput();
    await refused(place, args, reason);
  });
});

/** A folder with everything that the bad inputs name. */
function folderOfBadInput(): string {
  const place = at("bad");
  const write = (path: string, text: string) => {
    mkdirSync(join(place, path, ".."), { recursive: true });
    writeFileSync(join(place, path), text);
  };
  mkdirSync(join(place, "empty"), { recursive: true });
  mkdirSync(join(place, "results"), { recursive: true });
  write("file", "");
  const core = { name: "@attnkit/core", exports: { ".": { default: "./dist/index.js" } } };
  write("part/node_modules/@attnkit/other/package.json", JSON.stringify({ name: "@attnkit/other" }));
  for (const name of ours.packages.keys())
    write(
      `unbuilt/node_modules/${name}/package.json`,
      JSON.stringify(name === core.name ? core : { name, exports: {} }),
    );
  return place;
}
