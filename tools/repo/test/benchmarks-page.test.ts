import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { RECORDED } from "../../../apps/bench/src/benchmarks/record.ts";
import { madeResults } from "../../../apps/bench/test/benchmarks.ts";
import type { Results } from "../../measure/src/results.ts";
import { benchmarksPage, outdatedBenchmarks } from "../derive/benchmarks.ts";
import { stale } from "../derive/derived.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

describe("docs/benchmarks.md; `pnpm derive` writes it", () => {
  const page = benchmarksPage(root);
  test("is current, with its figures", () => expect(stale(root, page).map(({ path }) => path)).toEqual([]));
  test("no other files lie beside its figures", () => {
    const kept = page.map(({ path }) => path).filter((path) => path.startsWith("docs/benchmarks/"));
    const found = existsSync(join(root, "docs/benchmarks")) ? readdirSync(join(root, "docs/benchmarks")) : [];
    expect(found.map((name) => `docs/benchmarks/${name}`).sort()).toEqual(kept.sort());
  });
  test("every record can be shown", () => expect(outdatedBenchmarks(root)).toEqual([]));
});

describe("the page of a made record", () => {
  const folder = mkdtempSync(join(tmpdir(), "attnkit-benchmarks-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "cpu.json");
  beforeEach(() => rmSync(path, { force: true }));
  const pageOf = (results?: object) => {
    if (results) writeFileSync(path, JSON.stringify(results));
    return benchmarksPage(folder, RECORDED, ".");
  };

  test("says that nothing is measured, while there is no record", () => {
    const [page, ...figures] = pageOf();
    expect(page!.text).toContain("Not measured yet: there is no record of this run.");
    expect(figures).toEqual([]);
  });

  test("has machine, headline, tables with intervals, figures and the command", () => {
    const [page, ...figures] = pageOf(madeResults());
    for (const words of [
      ...["- machine: Made 3000, 2 cores, 8.00 GiB, linux x64", "commit 0123456", "- cpu: a device, float32"],
      ...["cells gave right answers and were timed.", "```sh\nnpx --yes pnpm@12 bench --record cpu --out "],
      ...[
        "#### Prefill on cpu\n\n![Prefill time on cpu](benchmarks/cpu-prefill-cpu.svg)\n\n|  | 256 tokens | 512 tokens |",
      ],
      ...["1.02 ± 0.03 (256 to 512)", "| 16.0 MiB |", "| beyond the time budget | 99.0 s |"],
    ])
      expect(page!.text).toContain(words);
    const softmax = page!.text.split("\n").filter((line) => line.startsWith("| softmax |"));
    expect(softmax[0]).toBe(
      "| softmax | 1.00 ms (900 µs to 1.10 ms) | 1.00 ms (900 µs to 1.50 ms) noisy | left out | 1.02 ± 0.03 (256 to 512) |",
    );
    expect(page!.text.match(/ noisy \|/g)).toHaveLength(1);
    expect(figures.map((figure) => figure.path)).toEqual(
      ["prefill", "decode", "state", "memory"].map((name) => `docs/benchmarks/cpu-${name}-cpu.svg`),
    );
    for (const { text } of figures) expect(text).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(outdatedBenchmarks(folder, RECORDED, ".")).toEqual([]);
  });

  test("names what was not timed, with the reason", () => {
    const { cells, ...results } = madeResults();
    const [first, second, ...others] = cells;
    const refused = {
      ...first!,
      status: "refused",
      reason: "it does not run here",
      prefill: [],
      decode: [],
      memory: [],
    };
    const idle = { ...second!, prefill: [], decode: [], memory: [] };
    const unavailable = [{ backend: "ort-cpu", reason: "no library" }];
    const [page] = pageOf({ ...results, unavailable, cells: [refused, idle, ...others] });
    for (const row of [
      ...[`| ${first!.id} | refused | it does not run here |`, `| ${second!.id} | right | every size was left out |`],
      "| ort-cpu | unavailable | no library |",
    ])
      expect(page!.text).toContain(`${row}\n`);
    expect(page!.text).not.toContain(`\n| ${second!.mechanism} |`);
  });

  const { environment, options, cells } = madeResults();
  const [first, ...others] = cells;
  const changes: [string, Partial<Record<keyof Results, unknown>>, string][] = [
    [
      ...(["an older format", { schema: "attnkit-bench/3" }] as const),
      "its results have the format attnkit-bench/3, and attnkit-bench/4 is expected",
    ],
    ["no format", { schema: 7 }, "its results have the format 7, and attnkit-bench/4 is expected"],
    ["a broken file", { cells: 1 }, "its results are not of the format attnkit-bench/4 (cells: "],
    ["an interrupted run", { complete: false }, "its run was interrupted"],
    [
      "a wrong answer",
      { cells: [{ ...first!, status: "failed" }, ...others] },
      `the answers of ${first!.id} are wrong`,
    ],
    [
      ...(["changed code", { environment: { ...environment, commit: "0123456+changes" } }] as const),
      "it was measured on 0123456+changes, and a commit without changes is expected",
    ],
    [
      ...(["other options", { options: { ...options, heads: 3 } }] as const),
      "it was measured with other options than those of its command",
    ],
    ["no such mechanism", { cells: others }, `it lacks ${first!.mechanism}`],
  ];
  test.each(changes)("refuses the record of %s", (_, change, reason) => {
    const [page, ...figures] = pageOf({ ...madeResults(), ...change });
    expect(page!.text).toContain(`Not shown: the record has to be made again, because ${reason}`);
    expect(page!.text).not.toContain("Made 3000");
    expect(figures).toEqual([]);
    expect(outdatedBenchmarks(folder, RECORDED, ".")).toEqual([expect.stringContaining(`cpu: ${reason}`)]);
  });
});
