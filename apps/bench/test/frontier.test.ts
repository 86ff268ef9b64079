import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mechanisms } from "@attnkit/catalog";
import type { CellResult } from "@attnkit/measure/results";
import { writeSafetensors } from "@attnkit/measure/safetensors";
import type { Subject } from "@attnkit/measure/subject";
import { describe, expect, test } from "vitest";
import { figureOf } from "../src/frontier/figure.ts";
import type { Frontier } from "../src/frontier/frontier.ts";
import { measureFrontier, softmaxReference } from "../src/frontier/measure.ts";
import { rowsOf } from "../src/frontier/rows.ts";
import { sentences } from "../src/frontier/wording.ts";
import { inputOf, open, start } from "../src/measure/run.ts";
import { cli, folder, refused, tensors } from "./harness.ts";

const dir = folder();
writeFileSync(join(dir, "text.txt"), "Attention is a weighted mean of values. ".repeat(20));
writeFileSync(join(dir, "model.safetensors"), writeSafetensors(tensors(24)));
const SMALL =
  "bench --frontier --backend cpu --text text.txt --heads 1 --dim 4 --lengths 32 --decode-contexts 4,16,32 --rounds 3 --budget 4".split(
    " ",
  );

describe("attnkit bench --frontier", () => {
  test("two mechanisms end to end: text, table, JSON, CSV and plot", async () => {
    const { code, out, err } = await cli(dir, [...SMALL, "--mechanism", "linear", "--out", "two"]);
    expect([code, err.includes("reading weights")]).toEqual([0, true]);
    const files = readdirSync(join(dir, "two")).sort();
    expect(files.map((f) => f.replace(/^frontier-[\dT-]+Z/, ""))).toEqual([".csv", ".json", ".md", ".svg"]);
    const [table, json, text, plot] = files.map((f) => readFileSync(join(dir, "two", f), "utf8")) as [
      string,
      string,
      string,
      string,
    ];
    const found = JSON.parse(json) as Frontier;
    expect(found).toMatchObject({ format: "attnkit-frontier/1", complete: true, tokens: 32, weightTokens: 32 });
    const [softmaxRow, linearRow] = found.rows;
    expect(found.rows.map((r) => r.label)).toEqual(["softmax", "linear"]);
    // Softmax is as far from itself as float32 is exact; linear attention is something else.
    expect(softmaxRow!.accuracy!.distance).toBeLessThan(1e-6);
    expect(softmaxRow!.accuracy!.cosine).toBeCloseTo(1, 9);
    expect(linearRow!.accuracy!.distance).toBeGreaterThan(0.01);
    for (const row of found.rows) {
      expect(row.accuracy!.error).toBeLessThan(1e-6);
      expect(row.check!.passed).toBe(true);
      expect([row.prefill!.length, row.decode!.context, row.prefill!.median > 0]).toEqual([32, 32, true]);
      expect("entropy" in row.weights && row.weights.entropy! > 0 && row.weights.entropy! <= found.uniformEntropy).toBe(
        true,
      );
    }
    // One head of 4 channels: softmax keeps 8 floats per token, linear 4 x 4 + 4: equal at 2.5 tokens.
    expect([softmaxRow!.stateBytes, linearRow!.stateBytes]).toEqual([32 * 8 * 4, 20 * 4]);
    expect([softmaxRow!.constantState, linearRow!.constantState]).toEqual([false, true]);
    expect([softmaxRow!.crossover, linearRow!.crossover!.bytes]).toEqual([null, 3]);
    expect(linearRow!.crossover!.time).not.toBeNull();
    expect(softmaxRow!.undominated || linearRow!.undominated).toBe(true);
    // Whatever is timed was checked at that very size.
    for (const cell of found.measured.cells)
      for (const p of cell.decode)
        expect(cell.checks.some((c) => c.what === "decode" && c.size === p.context && c.passed)).toBe(true);
    expect(table.trimEnd().split("\r\n")).toHaveLength(3);
    expect(plot).toMatch(/^<svg [\s\S]*linear[\s\S]*<\/svg>\n$/);
    expect(out).toContain(text.trimEnd());
    expect(text).toContain("At 32 tokens on cpu float32, linear is the closest to softmax");
    expect(text).toContain("its state is smaller than softmax's from 3 tokens");
  });

  test("own tensors, an option set without weights, and an odd order", async () => {
    const args =
      "bench --frontier --backend cpu --tensors model.safetensors --decode-contexts 4,16 --rounds 3 --budget 4".split(
        " ",
      );
    const list = 'logsumexp:{"logValues":true},elementwise:{"order":2}';
    const { code, err } = await cli(dir, [...args, "--mechanism", list, "--out", "own"]);
    const json = existsSync(join(dir, "own")) && readdirSync(join(dir, "own")).find((f) => f.endsWith(".json"));
    expect([code, err.split("\n").filter((line) => line.includes("failed"))]).toEqual([0, []]);
    const { rows, tokens } = JSON.parse(readFileSync(join(dir, "own", json as string), "utf8")) as Frontier;
    expect([tokens, rows.map((r) => r.label)]).toEqual([
      24,
      ["softmax", 'logsumexp{"logValues":true}', 'elementwise{"order":2}'],
    ]);
    expect(rows[1]!.weights).toEqual({ none: expect.stringMatching(/no weighted sum of the values/) });
    expect(rows[2]!.weights).toHaveProperty("norm");
  });

  test("a file that is shorter than the default contexts has contexts of its own", async () => {
    const args = "bench --frontier --backend cpu --tensors model.safetensors --mechanism linear --rounds 3 --budget 4";
    expect((await cli(dir, [...args.split(" "), "--out", "short"])).code).toBe(0);
    const json = readdirSync(join(dir, "short")).find((f) => f.endsWith(".json"))!;
    const { rows, measured } = JSON.parse(readFileSync(join(dir, "short", json), "utf8")) as Frontier;
    expect(measured.options).toMatchObject({ lengths: [24], contexts: [1, 5, 23] });
    expect(rows.map((r) => r.decode!.context)).toEqual([23, 23]);
  });

  test("a mechanism that answers wrongly is neither compared nor timed", async () => {
    const other = mechanisms.find((m) => m.name === "logsumexp")!;
    const { session, reference } = await sessionOf((s) =>
      s.choice.entry.name === "linear" ? { ...s, reference: other.reference({}) } : s,
    );
    const found = await measureFrontier(session, reference);
    expect(found.rows.map((r) => [r.label, r.accuracy !== null, r.decode !== null])).toEqual([
      ["softmax", true, true],
      ["linear", false, false],
    ]);
    expect(found.rows[1]!.reason).toMatch(/oracle check/);
    expect(figureOf(found).panels.flatMap((p) => p.series)).toEqual([]);
    expect(sentences(found)).toEqual([expect.stringMatching(/no mechanism with a state of constant size/)]);
  });

  test("a decode time at a shorter context than the others' is not ranked with them, nor those of a software adapter", async () => {
    const { session, reference } = await sessionOf((s) => s);
    const { rows, measured } = await measureFrontier(session, reference);
    expect(rows.every((r) => r.undominated !== null)).toBe(true);
    const facts = new Map(rows.map((r) => [r.cell, { accuracy: r.accuracy!, bytes: r.stateBytes! }]));
    const again = (cells: CellResult[]) =>
      rowsOf({ results: { ...measured, cells }, subjects: session.subjects, facts, weights: new Map() });
    const [first, linear] = measured.cells as [CellResult, CellResult];
    const cut = again([first, { ...linear, decode: linear.decode.slice(0, -1) }]);
    expect(cut.map((r) => [r.decode!.context, r.undominated])).toEqual([
      [32, true],
      [16, null],
    ]);
    const adapter = { name: "software", software: true };
    for (const row of again([first, linear].map((c) => ({ ...c, adapter }))))
      expect([row.accuracy !== null, row.prefill, row.decode, row.crossover?.time ?? null]).toEqual([
        true,
        null,
        null,
        null,
      ]);
  });

  test("an interrupt leaves what was measured, marked incomplete", async () => {
    const controller = new AbortController();
    const { code, err } = await cli(dir, [...SMALL, "--mechanism", "linear", "--out", "cut"], {
      signal: controller.signal,
      onErr: (text) => text.includes("timing prefill") && controller.abort(),
    });
    expect([code, err.includes("interrupted")]).toEqual([130, true]);
    const json = readdirSync(join(dir, "cut")).find((f) => f.endsWith(".json"))!;
    const found = JSON.parse(readFileSync(join(dir, "cut", json), "utf8")) as Frontier;
    expect([found.complete, found.rows.every((r) => r.accuracy === null)]).toEqual([false, true]);
  });

  test.each([
    [["--lengths", "16,32"], /--lengths: 16,32: --frontier compares at one length/],
    [["--resume", "x.json"], /--frontier: cannot be combined with --resume/],
    [["--no-memory"], /--frontier: cannot be combined with --no-memory/],
    [["--mechanism", "linear,linear"], /linear is named twice/],
    [["--mechanism", "attention"], /there is no mechanism "attention"/],
    [["--tensors", "model.safetensors", "--heads", "2"], /--tensors: cannot be combined with --heads/],
    [["--tensors", "model.safetensors", "--lengths", "25"], /25 is too long/],
    [
      ["--lengths", "400", "--largest", "1"],
      /--lengths: 400 tokens.*3 MiB in float64, the limit is 1; expected fewer tokens/,
    ],
    [["--heads", "3", "--kv-heads", "2"], /3 query heads are not a multiple of 2/],
    [["--text", "nothing.txt"], /nothing.txt: no such file/],
    [["--out", "text.txt"], /text.txt: a file of that name is in the way/],
  ])("refuses %j", async (args, reason) => {
    await refused(dir, ["--frontier", "--backend", "cpu", ...args], reason);
  });
});

/** A session of softmax and linear at the sizes of SMALL, with changed subjects. */
async function sessionOf(change: (s: Subject) => Subject) {
  const { code } = await cli(dir, [...SMALL, "--mechanism", "linear", "--out", "options"]);
  expect(code).toBe(0);
  const json = readdirSync(join(dir, "options")).find((f) => f.endsWith(".json"))!;
  const { options } = (JSON.parse(readFileSync(join(dir, "options", json), "utf8")) as Frontier).measured;
  const io = { out() {}, err() {}, columns: 0, cwd: dir, signal: new AbortController().signal };
  const input = await inputOf(io, options, { lengths: true, contexts: true });
  const opened = await open(options, input);
  const results = await start(options, input, opened);
  const progress = { step() {}, note() {}, stop() {} };
  const subjects = opened.subjects.map(change);
  const session = { results, subjects, progress, signal: io.signal, save: async () => {} };
  return { session, reference: await softmaxReference(input.sequence, options) };
}
