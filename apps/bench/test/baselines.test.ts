import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type BaselineEntry, baselines } from "@attnkit/measure/baselines";
import { type CellResult, Results } from "@attnkit/measure/results";
import { describe, expect, test } from "vitest";
import { ratios, shareOfMatmul } from "../src/measure/ratios.ts";
import { gpuRows, ratioRows, throughputRows, warnings } from "../src/report/compare.ts";
import { cli, folder } from "./harness.ts";

const dir = folder();

async function bench(out: string, args: string): Promise<{ code: number; text: string; results: Results }> {
  const small = "--heads 4 --dim 16 --lengths 16,40 --decode-contexts 8 --rounds 3 --budget 30 --no-memory";
  const { code, out: text } = await cli(dir, ["bench", ...`${small} --out ${out} ${args}`.split(" ")]);
  const file = readdirSync(join(dir, out)).find((f) => f.endsWith(".json"))!;
  return { code, text, results: Results.parse(JSON.parse(readFileSync(join(dir, out, file), "utf8"))) };
}

describe("a run on ONNX Runtime", () => {
  test("times its own operators beside ours, checked; one that has no such sizes is refused", async () => {
    const { code, text, results } = await bench("ort", "--backend ort-cpu --mechanism linear --kv-heads 2");
    expect(code).toBe(0);
    expect(results.cells.map((c) => [c.baseline?.name, c.status, c.prefill.length, c.decode.length])).toEqual([
      [undefined, "ok", 2, 1],
      ["com.microsoft.GroupQueryAttention", "ok", 2, 0],
      ["Attention (ONNX 23)", "ok", 2, 0],
      ["com.microsoft.LinearAttention", "ok", 2, 0],
      ["matmul", "ok", 2, 0],
      ["com.microsoft.MultiHeadAttention", "refused", 0, 0],
    ]);
    expect(text).toMatch(
      /MultiHeadAttention on ort-cpu float32 +\| refused .*does not support grouped heads; got Hq = 4 and Hkv = 2/,
    );
    const against = new Set(results.ratios.map((r) => r.against.split(" on ")[0]));
    expect([...against].sort()).toEqual([
      "Attention (ONNX 23)",
      "com.microsoft.GroupQueryAttention",
      "com.microsoft.LinearAttention",
    ]);
    expect(results.ratios.every((r) => r.rounds === 3 && r.ratio!.value > 0)).toBe(true);
    for (const cell of results.cells) expect(cell.checks.every((c) => c.passed)).toBe(true);
  });

  test("a baseline whose answer is wrong is refused, not timed; one that is wrong at one size loses that size", async () => {
    const right = baselines.find((b) => b.name === "Attention (ONNX 23)" && b.backend === "ort-cpu")!;
    const off = (name: string, wrong: (length: number) => boolean): BaselineEntry => ({
      ...right,
      name,
      async create(sizes) {
        const own = await right.create(sizes);
        const download: typeof own.download = async (y) =>
          (await own.download(y)).map((x) => (wrong(own.shape(y)[2]!) ? x + 0.01 : x));
        return { ...own, download };
      },
    });
    const list = baselines as BaselineEntry[];
    list.push(
      off("always wrong", () => true),
      off("wrong when long", (n) => n === 40),
    );
    try {
      const { code, text, results } = await bench("wrong", "--backend ort-cpu --mechanism softmax");
      expect(code).toBe(0);
      const [always, long] = ["always wrong", "wrong when long"].map(
        (name) => results.cells.find((c) => c.baseline?.name === name)!,
      );
      expect([always!.status, always!.prefill]).toEqual(["refused", []]);
      expect(text).toMatch(/always wrong on ort-cpu float32 +\| refused .*row \d+ is /);
      expect([long!.status, long!.prefill.map((p) => p.length)]).toEqual(["ok", [16]]);
      expect(text).toMatch(/wrong when long on ort-cpu float32, prefill.*40 tokens \(prefill check at 40 tokens/);
    } finally {
      list.splice(-2, 2);
    }
  });

  test("--no-baselines leaves them out", async () => {
    const { results } = await bench("none", "--backend ort-cpu --mechanism softmax --no-baselines");
    expect(results.cells.map((c) => c.mechanism)).toEqual(["softmax"]);
  });
});

test("a run on WebGPU counts dispatches and bytes, and quotes no speed of a software adapter", async () => {
  const { code, text, results } = await bench("gpu", "--backend tfjs-webgpu --mechanism softmax --lengths 16");
  expect(code).toBe(0);
  const plain = results.cells.find((c) => c.baseline?.name === "matMul-softmax-matMul")!;
  // Two products, scale, mask and a softmax of its own. Scores of 4 heads: 4 KiB each; inputs 12 KiB, output 4 KiB.
  expect(plain.prefill[0]!.gpu!.dispatches).toBe(5);
  expect(plain.prefill[0]!.gpu!.inputs).toBe(3 * 4096);
  expect(plain.prefill[0]!.gpu!.added).toBeGreaterThanOrEqual(5 * 4096);
  expect(
    results.cells.find((c) => c.mechanism === "softmax" && !c.baseline)!.decode[0]!.gpu!.dispatches,
  ).toBeGreaterThan(0);
  expect(plain.adapter!.software).toBe(true);
  expect(results.ratios.length).toBeGreaterThan(0);
  expect(results.ratios.every((r) => r.ratio === null)).toBe(true);
  expect(text).toMatch(/tfjs-webgpu: .*swiftshader.*Software adapter: correctness only/i);
  expect(text).toContain("n/a (software)");
});

describe("ratios", () => {
  const cost = { ops: 1, flops: 1, bytes: 1, largest: 1 };
  const cell = (id: string, mechanism: string, samples: number[], more: Partial<CellResult> = {}): CellResult => ({
    ...{ id, mechanism, options: {}, backend: "b", device: "", dtype: "float32", status: "ok", checks: [], decode: [] },
    ...{ baseline: null, adapter: null, threads: 1, memory: [], growth: { prefill: null, decode: null, memory: null } },
    prefill: [
      {
        ...{
          length: 64,
          calls: 1,
          samples,
          median: samples[1]!,
          q1: samples[0]!,
          q3: samples[2]!,
          cost,
          work: 10,
          interval: null,
        },
        gpu: { dispatches: 2, inputs: 300, added: 150 },
      },
    ],
    ...more,
  });
  const base = (name: string, mechanism: string, samples: number[], beside: string[] | null = null) =>
    cell(name, mechanism, samples, { baseline: { name, beside } });
  const cells = [
    cell("ours", "softmax", [1, 2, 3]),
    cell("lin", "linear", [1, 1, 1]),
    base("theirs", "softmax", [2, 8, 6]),
    base("for linear", "linear", [4, 4, 4], ["linear"]),
    base("yard", "", [1, 1, 1]),
    cell("elsewhere", "softmax", [1, 1, 1], { backend: "c" }),
    cell("broken", "softmax", [1, 1, 1], { status: "failed" }),
  ];

  test("are of the same round, backend and mechanism", () => {
    expect(ratios(cells).map((r) => [r.cell, r.against, r.ratio!.value])).toEqual([
      ["ours", "theirs", expect.closeTo(2 / 6)], // the quotient of the medians
      ["lin", "ours", expect.closeTo(0.5)],
      ["lin", "theirs", expect.closeTo(1 / 6)],
      ["lin", "for linear", expect.closeTo(0.25)],
    ]);
  });

  test("throughput is a share of the yardstick's", () => {
    expect(shareOfMatmul(cells, cells[0]!, cells[0]!.prefill[0]!)).toBe(0.5);
    expect(shareOfMatmul(cells.slice(0, 2), cells[0]!, cells[0]!.prefill[0]!)).toBeNull();
  });

  test("on a software adapter there are none, in no output", () => {
    const soft = cells.map((c) => ({ ...c, adapter: { name: "SwiftShader", software: true } }));
    expect(ratios(soft).every((r) => r.ratio === null)).toBe(true);
    const shape = [1, 1, 64, 1];
    const results = {
      cells: soft,
      ratios: ratios(soft),
      input: { shapes: { q: shape, v: shape } },
    } as unknown as Results;
    for (const { rows } of [ratioRows(results), throughputRows(results)]) {
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows)
        expect(row.slice(3).filter((x) => x !== "")).toEqual(
          row.slice(3).flatMap((x) => (x === "" ? [] : ["n/a (software)"])),
        );
    }
    expect(warnings(results)).toEqual([
      "b: SwiftShader. Software adapter: correctness only",
      "c: SwiftShader. Software adapter: correctness only",
    ]);
    // 450 bytes at the peak; 300 of inputs and 4 x 64 of output.
    expect(gpuRows(results).rows[0]!.slice(3)).toEqual(["2", "450 B", (450 / 556).toPrecision(3)]);
  });
});
