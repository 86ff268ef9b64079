import * as f from "@attnkit/measure/format";
import type { CellResult, Results } from "@attnkit/measure/results";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { intervalOf, ratios } from "../src/measure/ratios.ts";
import { headline } from "../src/report/headline.ts";
import { html } from "../src/report/html.ts";
import { cell, results } from "./report-results.ts";

const SIZES = [256, 1024, 4096];
const cost = { ops: 5, flops: 1e6, bytes: 1e5, largest: 4096 };

/** Five samples around a time, which lie within `noise` of it. */
function timing(seconds: number, noise: number) {
  const samples = [-1, -0.5, 0, 0.5, 1].map((x) => seconds * (1 + noise * x));
  const interval = intervalOf({ median: seconds, samples });
  return { samples, median: seconds, q1: samples[1]!, q3: samples[3]!, calls: 1, cost, interval, gpu: null };
}

interface Made {
  readonly mechanism: string;
  readonly backend?: string;
  readonly baseline?: string;
  readonly noise?: number;
  readonly status?: CellResult["status"];
  /** Seconds of a prefill and of a decoded token, and bytes of the state, by the number of tokens. */
  readonly costs: (tokens: number) => readonly [prefill: number, decode: number, state: number];
}

const made = ({ mechanism, backend = "ort-cpu", baseline, noise = 0.01, status = "ok", costs }: Made): CellResult =>
  cell(`${baseline ?? mechanism} on ${backend} float32`, {
    ...{ mechanism, backend, status, growth: { prefill: null, decode: null, memory: null }, memory: [] },
    baseline: baseline === undefined ? null : { name: baseline, beside: null },
    prefill: SIZES.map((length) => ({ length, ...timing(costs(length)[0], noise), work: 5e5 })),
    decode: SIZES.map((context) => ({ context, ...timing(costs(context)[1], noise), stateBytes: costs(context)[2] })),
  });

const softmax = made({ mechanism: "softmax", costs: (n) => [1e-8 * n * n, 1e-7 * n, 512 * n] });
const logsumexp = made({ mechanism: "logsumexp", costs: (n) => [4e-6 * n, (1e-7 * 4096) / 12, 16384] });
const slower = made({ mechanism: "linear", costs: (n) => [8e-6 * n, (1e-7 * 4096) / 10, 16384] });
const wild = made({ mechanism: "polynomial", noise: 0.9, costs: () => [1e-9, 1e-9, 16384] });
const peer = made({ mechanism: "softmax", baseline: "Attention", costs: (n) => [0.5e-8 * n * n, 1e-7 * n, 512 * n] });

const run = (...cells: CellResult[]): Results => ({ ...results, cells, ratios: ratios(cells) });

describe("the headline", () => {
  test("compares the fastest mechanism with softmax, with intervals; a noisy cell is named and not ranked", () => {
    const [answers, decode, prefill, baseline, ...more] = headline(run(softmax, logsumexp, slower, wild, peer));
    expect(answers).toBe("5 of 5 cells gave right answers and were timed.");
    expect(decode).toMatch(
      /^At 4096 tokens on ort-cpu, logsumexp decodes a token 12\.0 times \([\d.]+ to [\d.]+\) as fast as softmax; its state is 128 times smaller\. Too noisy to be ranked there: polynomial\.$/,
    );
    expect(prefill).toMatch(/^At 4096 tokens on ort-cpu, logsumexp computes a prefill 10\.2 times \(.*polynomial\.$/);
    expect(baseline).toMatch(
      /^At 4096 tokens on ort-cpu, Attention computes a prefill 2\.00 times .* as fast as attnkit's softmax\.$/,
    );
    expect(more).toEqual([]);
  });

  test("says where softmax is the fastest, and where nothing can be told apart", () => {
    const late = made({ mechanism: "linear", costs: (n) => [3e-8 * n * n, 1e-7 * n, 512 * n] });
    const [, decode, prefill] = headline(run(softmax, late));
    expect(decode).toMatch(/no mechanism decodes a token faster than softmax for certain: linear takes 1\.00 times/);
    expect(decode).toContain("linear's state is as large");
    expect(prefill).toMatch(/softmax computes a prefill 3\.00 times \(.*\) as fast as linear\.$/);
    expect(headline(run(softmax, logsumexp, made({ ...logsumexpLike, mechanism: "linear" })))[1]).toContain(
      "Its interval overlaps with that of linear.",
    );
  });

  test("takes the largest size with a ratio that can be read", () => {
    const loud = (c: CellResult): CellResult => ({
      ...c,
      decode: c.decode.map((p) => (p.context === 4096 ? { ...p, ...timing(p.median, 0.9) } : p)),
    });
    expect(headline(run(softmax, loud(logsumexp)))[1]).toMatch(
      /^At 1024 tokens on ort-cpu, logsumexp decodes a token 3\.00 /,
    );
    expect(headline(run(softmax, wild))).toEqual([
      "2 of 2 cells gave right answers and were timed.",
      "All 6 comparisons with softmax on ort-cpu are too noisy to be read.",
    ]);
  });

  test("tells wrong answers and an interrupted run first, and says nothing about a software adapter's times", () => {
    const broken = made({ mechanism: "elementwise", status: "failed", costs: () => [1e-9, 1e-9, 1] });
    expect(headline({ ...run(softmax, broken), complete: false })).toEqual([
      "The run was interrupted: its results are incomplete.",
      "Wrong answers, therefore not timed: elementwise on ort-cpu float32.",
      "1 of 2 cells gave right answers and were timed.",
    ]);
    const adapter = { name: "s", software: true };
    expect(headline(run({ ...softmax, adapter }, { ...logsumexp, adapter })).length).toBe(1);
  });
});

const logsumexpLike = { costs: (n: number) => [4e-6 * n, (1e-7 * 4096) / 12, 16384] as const };

describe("the page", () => {
  const onCpu = made({ mechanism: "linear", backend: "cpu", costs: (n) => [1e-4 * n, 1e-3, 16384] });
  const measured = run(softmax, logsumexp, slower, wild, peer, onCpu);
  const { document } = parseHTML(html(measured));
  const contentOf = (link: Element) =>
    Buffer.from(link.getAttribute("href")!.split(";base64,")[1]!, "base64").toString();

  test("has a plot per backend and quantity, with the same axes", () => {
    const sections = [...document.querySelectorAll("section")].filter((s) => s.querySelector("figure"));
    expect(sections.map((s) => s.querySelectorAll("figure").length)).toEqual([2, 2, 2]);
    for (const section of sections) {
      const ticks = [...section.querySelectorAll("figure > svg")].map((svg) =>
        [...svg.querySelectorAll('[aria-label$="tick label"] text')].map((t) => t.textContent),
      );
      expect(ticks[0]!.length).toBeGreaterThan(4);
      expect(ticks[1]).toEqual(ticks[0]);
    }
    expect(sections[0]!.textContent).toContain("slope 2: quadratic");
    expect(sections[0]!.querySelector("figure > svg")!.textContent).toMatch(/\d [mµ]s/);
  });

  test("gives each plot as an SVG file with its legend", () => {
    const links = [...document.querySelectorAll("figure a")];
    expect(links.map((a) => a.getAttribute("download"))).toContain("decode-ort-cpu.svg");
    for (const link of links) expect(contentOf(link)).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    const named = links.find((a) => a.getAttribute("download") === "decode-ort-cpu.svg")!;
    for (const name of ["softmax", "logsumexp", "Attention"]) expect(contentOf(named)).toContain(`>${name}</text>`);
  });

  test("gives each table as CSV with the numbers that it shows", () => {
    const boxes = [...document.querySelectorAll(".scroll")];
    expect(boxes.length).toBeGreaterThan(4);
    for (const box of boxes)
      expect(box.nextElementSibling!.querySelector("a")!.getAttribute("download")).toMatch(/\.csv$/);
    const box = boxes.find((b) => b.getAttribute("aria-label") === "Table: decode")!;
    const [head, ...lines] = contentOf(box.nextElementSibling!.querySelector("a")!)
      .trimEnd()
      .split("\r\n")
      .map((line) => line.split(","));
    expect(head).toEqual(["cell", "context", "median (s)", "low (s)", "high (s)", "rank", "samples", "state (bytes)"]);
    const shown = [...box.querySelectorAll("tbody tr")].map((row) => [...row.children].map((c) => c.textContent));
    expect(lines.length).toBe(6 * SIZES.length);
    expect(
      lines.map(([id, context, median, low, high, rank, samples, state]) => [
        ...[id, context, f.time(Number(median)), `${f.time(Number(low))} to ${f.time(Number(high))}`],
        ...[rank, samples, f.bytes(Number(state))],
      ]),
    ).toEqual(shown.map((row) => [...row.slice(0, 6), row[7]]));
    expect(lines.filter((line) => line[5] === "noisy").length).toBe(SIZES.length);
  });

  test("has each footnote once, and every reference has its note", () => {
    const targets = [...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute("href")!.slice(1));
    const notes = [...document.querySelectorAll(".notes li")].map((li) => li.getAttribute("id"));
    expect(new Set(notes).size).toBe(notes.length);
    expect([...new Set(targets)].sort()).toEqual([...notes].sort());
  });
});
