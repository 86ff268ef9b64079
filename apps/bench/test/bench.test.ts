import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mechanisms } from "@attnkit/catalog";
import type { Backend, Data, Shape } from "@attnkit/core";
import type { CompiledNested, NestedProgram } from "@attnkit/core/backend";
import type { VaryingAxes } from "@attnkit/core/program";
import { cpu, type NdArray } from "@attnkit/cpu";
import { embed } from "@attnkit/measure/embed";
import { Results } from "@attnkit/measure/results";
import { writeSafetensors } from "@attnkit/measure/safetensors";
import { subject } from "@attnkit/measure/subject";
import { describe, expect, test } from "vitest";
import { open, start } from "../src/measure/run.ts";
import { measure } from "../src/measure/session.ts";
import { tables } from "../src/report/table.ts";
import { cli, folder, refused, tensors } from "./harness.ts";

const dir = folder();
const TEXT = "Attention is a weighted mean of values. ".repeat(40);
writeFileSync(join(dir, "text.txt"), TEXT);
/** Small enough for a test; memory is measured in a process of the built output, which `bench-process.test.ts` starts. */
const SMALL =
  "bench --backend cpu --text text.txt --heads 1 --dim 4 --lengths 16,32,64 --decode-contexts 8,16,32 --rounds 3 --budget 5 --no-memory".split(
    " ",
  );
const bench = (args: readonly string[], how?: Parameters<typeof cli>[2]) => cli(dir, [...SMALL, ...args], how);
const only = (out: string, kind: string): string => readdirSync(join(dir, out)).find((f) => f.endsWith(kind))!;
const load = (out: string): Results =>
  Results.parse(JSON.parse(readFileSync(join(dir, out, only(out, ".json")), "utf8")));

describe("a run", () => {
  test("checks, then times every mechanism; writes data and a page", async () => {
    const { code, out, err } = await bench(["--out", "all"]);
    expect([code, err.includes("checking answers")]).toEqual([0, true]);
    const results = load("all");
    expect(results.complete).toBe(true);
    expect(results.cells.map((c) => [c.mechanism, c.status])).toEqual(mechanisms.map((m) => [m.name, "ok"]));
    for (const cell of results.cells) {
      expect(cell.checks.every((c) => c.passed)).toBe(true);
      expect(cell.prefill.map((p) => p.length)).toEqual([16, 32, 64]);
      expect(cell.decode.map((p) => p.context)).toEqual([8, 16, 32]);
      // Whatever is timed was checked at that very size.
      for (const p of cell.prefill)
        expect(cell.checks.some((c) => c.what === "prefill" && c.size === p.length)).toBe(true);
      for (const p of cell.decode)
        expect(cell.checks.some((c) => c.what === "decode" && c.size === p.context)).toBe(true);
      for (const p of [...cell.prefill, ...cell.decode])
        expect([p.samples.length, p.median > 0, p.cost.flops > 0, p.interval]).toEqual([
          ...[3, true, true],
          { low: Math.min(...p.samples), high: Math.max(...p.samples), readable: expect.any(Boolean) },
        ]);
      expect(cell.growth.prefill).toMatchObject({ from: 16, to: 64, points: 3 });
      const bytes = new Set(cell.decode.map((p) => p.stateBytes));
      expect(bytes.size).toBe(cell.mechanism === "softmax" ? 3 : 1);
    }
    expect(out).toContain("GFLOP/s");
    const [json, page, table] = [".json", ".html", ".csv"].map((kind) => join("all", only("all", kind)));
    expect(out).toContain(`Written: ${json}, ${page} and ${table}`);
    const lines = readFileSync(join(dir, table!), "utf8").trimEnd().split("\r\n");
    expect(lines.length).toBe(1 + mechanisms.length * 6 + results.ratios.length);
    expect(lines[0]).toContain("low,high,readable,rank");
    for (const { ratio } of results.ratios) {
      const { value, low, high } = ratio!;
      expect([low <= value, value <= high]).toEqual([true, true]);
    }
  });

  test("filters, options of a mechanism, and equal input from equal seeds", async () => {
    const args = [
      "--mechanism",
      'linear:{"featureMap":"relu"},softmax',
      "--dtype",
      "float64",
      "--kv-heads",
      "1",
      "--seed",
      "5",
    ];
    await bench([...args, "--out", "a"]);
    await bench([...args, "--out", "b"]);
    const [a, b] = [load("a"), load("b")];
    expect(a.cells.map((c) => c.id)).toEqual(['linear{"featureMap":"relu"} on cpu float64', "softmax on cpu float64"]);
    expect([a.input, a.cells.map((c) => c.checks)]).toEqual([b.input, b.cells.map((c) => c.checks)]);
  });

  test("tensors of a model: as long as they are, batches and groups included", async () => {
    writeFileSync(join(dir, "model.safetensors"), writeSafetensors(tensors(40)));
    const { code } = await cli(
      dir,
      "bench --backend cpu --mechanism linear --tensors model.safetensors --decode-contexts 8 --rounds 3 --budget 5 --no-memory --out model".split(
        " ",
      ),
    );
    expect(code).toBe(0);
    expect(load("model").cells[0]!.prefill.map((p) => p.length)).toEqual([40]);
  });

  test("what the budget has no room for is named, not chopped off", async () => {
    const { code, out } = await bench([
      "--mechanism",
      "softmax",
      "--lengths",
      "16,700",
      "--decode-contexts",
      "8",
      "--budget",
      "0.05",
      "--out",
      "budget",
    ]);
    expect(code).toBe(0);
    expect(out).toMatch(/Left out[\s\S]*softmax on cpu float32, prefill, time budget: 700 tokens/);
    expect(load("budget").plan!.leftOut.some((l) => l.size === 700)).toBe(true);
  });
});

describe("a wrong answer", () => {
  /** A backend whose outputs are a little off from the `after`-th call on. */
  const wrong = (after: number) => {
    const backend = cpu();
    let calls = 0;
    const compile = (program: NestedProgram, growing?: VaryingAxes): CompiledNested<NdArray> => {
      const run = backend.compile(program, growing);
      return async (x) => {
        const out = await run(x);
        return out.y && ++calls > after ? { ...out, y: backend.ops.mul(out.y as NdArray, 1.001) } : out;
      };
    };
    return { ...backend, compile } as unknown as ReturnType<typeof cpu>;
  };

  test.each([0, 2, 12])("after %d right calls: that cell has no timing, the others have", async (after) => {
    const results = await sessionOf(wrong(after));
    const [bad, good] = results.cells;
    expect([bad!.status, bad!.prefill, bad!.decode, bad!.growth]).toEqual([
      "failed",
      [],
      [],
      { prefill: null, decode: null, memory: null },
    ]);
    expect(bad!.reason).toMatch(/check at \d+ tokens, row \d+ is /);
    expect([good!.status, good!.prefill.length]).toEqual(["ok", 3]);
    expect(tables(results)).toMatch(/linear on wrong float32 \| WRONG/);
    expect(tables(results)).not.toMatch(/linear on wrong float32 +\| +\d+ \| +[\d.]+ .?s/);
  });

  async function sessionOf(backend: ReturnType<typeof cpu>): Promise<Results> {
    const sequence = embed(new TextEncoder().encode(TEXT), { seed: 1, length: 80, heads: 1, kvHeads: 1, dim: 4 });
    const input = { source: "a test", sha256: "", sequence, notes: [] };
    const options = {
      mechanism: "linear",
      backend: "cpu",
      dtype: null,
      heads: 1,
      kvHeads: 1,
      dim: 4,
      lengths: [16, 32, 64],
      contexts: [8],
      seed: 1,
      rounds: 3,
      budget: 5,
      kernels: "prefer" as const,
      baselines: true,
      largest: 2 ** 28,
      memory: 0,
      threads: 1,
      text: null,
      tensors: null,
    };
    const { subjects } = await open(options, input);
    const off = await subject(subjects[0]!.choice, backend as unknown as Backend<unknown>, "wrong", sequence, "prefer");
    const opened = { subjects: [off, ...subjects], unavailable: [], refused: [] };
    const results = await start(options, input, opened);
    const progress = { step() {}, note() {}, stop() {} };
    await measure({
      results,
      subjects: opened.subjects,
      progress,
      signal: new AbortController().signal,
      save: async () => {},
    });
    return results;
  }

  test("tensors are freed: nothing but the inputs that are still in use is left", async () => {
    const backend = cpu();
    const held = new Set<NdArray>();
    const upload: typeof backend.upload = (data: unknown, shape?: Shape) => {
      const x = backend.upload(data as Data, shape!);
      held.add(x);
      return x;
    };
    await sessionOf({ ...backend, upload, free: (x) => void held.delete(x) });
    expect(held.size).toBe(0);
  });
});

describe("an interrupted run", () => {
  const stage = ["checking answers", "pilot timings", "timing prefill", "timing decode"];

  test.each(stage)("at %s writes what it has, and --resume measures the rest", async (at) => {
    const out = at.replace(" ", "-");
    const controller = new AbortController();
    const first = await bench(
      ["--mechanism", "linear,softmax", "--lengths", "16,64", "--decode-contexts", "8,16", "--out", out],
      {
        signal: controller.signal,
        onErr: (text) => void (text.startsWith(at) && controller.abort()),
      },
    );
    expect(first.code).toBe(130);
    const file = join(out, only(out, ".json"));
    expect(first.err).toContain(`attnkit bench --resume ${file}`);
    const part = load(out);
    expect([part.complete, existsSync(join(dir, out, only(out, ".html")))]).toEqual([false, true]);

    const second = await cli(dir, ["bench", "--resume", file]);
    expect(second.code).toBe(0);
    const whole = load(out);
    expect([whole.complete, whole.started]).toEqual([true, part.started]);
    for (const cell of whole.cells) {
      expect(cell.prefill.map((p) => [p.length, p.samples.length])).toEqual([
        [16, 3],
        [64, 3],
      ]);
      expect(cell.decode.map((p) => [p.context, p.samples.length])).toEqual([
        [8, 3],
        [16, 3],
      ]);
      const before = part.cells.find((c) => c.id === cell.id)!;
      for (const p of before.prefill) {
        const after = cell.prefill.find((x) => x.length === p.length)!;
        expect(after.samples.slice(0, p.samples.length)).toEqual(p.samples);
      }
    }
    expect((await cli(dir, ["bench", "--resume", file])).err).toContain("is complete; there is nothing to resume");
  });
});

describe("bad input: one line, exit code 2, nothing written", () => {
  writeFileSync(join(dir, "empty.txt"), "");
  writeFileSync(join(dir, "q.json"), '{"schema":"attnkit-bench/4"}');
  writeFileSync(
    join(dir, "uneven.safetensors"),
    writeSafetensors(new Map([...tensors(7), ["q", tensors(6).get("q")!]])),
  );
  writeFileSync(join(dir, "seven.safetensors"), writeSafetensors(tensors(7)));

  test.each<[string, string[], RegExp]>([
    ["unknown mechanism", ["--mechanism", "linear,magic"], /there is no mechanism "magic"; expected softmax/],
    ["unknown backend", ["--backend", "quantum"], /there is no backend "quantum"/],
    ["an option the mechanism lacks", ["--mechanism", 'linear:{"order":2}'], /linear: option order/],
    ["options that are no JSON", ["--mechanism", "linear:{order}"], /are not a JSON object/],
    ["a length of 0", ["--lengths", "0,16"], /--lengths <list>.*whole number >= 1/],
    ["a broken list", ["--decode-contexts", "1,,2"], /--decode-contexts <list>/],
    ["heads that do not group", ["--heads", "3", "--kv-heads", "2"], /3 query heads are not a multiple of 2/],
    [
      "a type the backend lacks",
      ["--backend", "cpu", "--dtype", "float16"],
      /cpu has no float16; expected float32 or float64/,
    ],
    ["missing text", ["--text", "nope.txt"], /nope\.txt: no such file/],
    ["empty text", ["--text", "empty.txt"], /empty\.txt: is empty/],
    ["missing tensors", ["--tensors", "nope.npz"], /nope\.npz: no such file/],
    ["fewer queries than keys", ["--tensors", "uneven.safetensors"], /6 queries and 7 keys/],
    [
      "longer than the tensors",
      ["--tensors", "seven.safetensors", "--lengths", "4,8"],
      /8 is too long for seven\.safetensors, which has 7 tokens/,
    ],
    ["tensors and text", ["--tensors", "seven.safetensors", "--text", "empty.txt"], /cannot be combined with --text/],
    ["tensors and sizes", ["--tensors", "seven.safetensors", "--dim", "8"], /cannot be combined with --dim/],
    ["results into a file", ["--lengths", "16", "--out", "q.json"], /q\.json: .*(in the way|not a folder|is a file)/],
    ["resume of another file", ["--resume", "q.json"], /q\.json: is not a results file of schema attnkit-bench\/4 \(/],
    ["resume of nothing", ["--resume", "nope.json"], /nope\.json: no such file/],
    [
      "resume with other options",
      ["--resume", "q.json", "--seed", "4"],
      /reads every option from q\.json; it cannot be combined with --seed/,
    ],
    ["an unknown flag", ["--legnths", "16"], /unknown option '--legnths' \(Did you mean --lengths\?\)/],
    ["no budget", ["--budget", "0"], /--budget <seconds>.*above 0/],
  ])("%s", (_, args, reason) => refused(dir, args, reason));

  test("a record of another machine", async () => {
    const controller = new AbortController();
    controller.abort();
    await bench(["--out", "elsewhere"], { signal: controller.signal });
    const results = load("elsewhere");
    results.environment.cpu = "an abacus";
    writeFileSync(join(dir, "abacus.json"), JSON.stringify(results));
    const { code, err } = await cli(dir, ["bench", "--resume", "abacus.json"]);
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(
        /^attnkit: abacus\.json: was measured under other conditions: cpu was an abacus and is .*\n$/,
      ),
    ]);
  });
});
