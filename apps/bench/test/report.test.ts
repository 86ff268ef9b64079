import { Results } from "@attnkit/measure/results";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { resultsCsv } from "../src/report/csv.ts";
import { html } from "../src/report/html.ts";
import { tables } from "../src/report/table.ts";
import { cell, results, spread } from "./report-results.ts";

test("the example is what the schema says", () => {
  expect(Results.parse(JSON.parse(JSON.stringify(results)))).toEqual(results);
});

describe("the page", () => {
  const page = html(results);
  const { document } = parseHTML(page);

  test("loads nothing from anywhere", () => {
    const elements = [...document.querySelectorAll("*")];
    expect(
      elements
        .map((e) => e.localName)
        .filter((n) => ["script", "link", "img", "iframe", "object", "embed", "base", "image", "use"].includes(n)),
    ).toEqual([]);
    const attributes = elements.flatMap((e) => [...e.attributes].map((a) => [a.name, a.value] as const));
    const addressed = attributes.filter(([name]) => /^(src|href|xlink:href|srcset|action|data|on\w+)$/.test(name));
    // Links lead to a note of the page, or save a file that the page contains.
    expect(addressed.filter(([name, value]) => name !== "href" || !/^(#|data:)/.test(value))).toEqual([]);
    const css =
      [...document.querySelectorAll("style")].map((s) => s.textContent).join("\n") +
      attributes.map(([, v]) => v).join("\n");
    expect(css).not.toMatch(/url\(|@import/);
    // Names of XML namespaces are no addresses that anybody opens.
    const addresses = page.replaceAll(/xmlns(:\w+)?="[^"]*"/g, "").match(/\bhttps?:/g) ?? [];
    expect(addresses.length).toBe(1); // the text of the hostile input below
  });

  test("shows names as text, whatever is in them", () => {
    expect(document.querySelector("b")).toBeNull();
    expect(document.body.textContent).toContain("<b>odd</b>");
    expect(document.body.textContent).toContain('<script src="https://example.org/x.js">');
  });

  test("has the three plots, and the tables", () => {
    const plots = [...document.querySelectorAll("figure > svg")];
    expect(plots.length).toBe(3);
    for (const label of ["256", "1,024", "4,096"]) expect(plots[0]!.textContent).toContain(label);
    expect([...document.querySelectorAll("h2")].map((h) => h.textContent)).toEqual([
      ...["Prefill time", "Decode time, per token", "State", "Growth", "Answers", "Left out", "Notes"],
    ]);
    expect(page).not.toMatch(/NaN|undefined|\[object/);
  });

  test("shows no number of a cell that was wrong", () => {
    const rows = [...document.querySelectorAll("tr")].filter((r) => r.textContent!.startsWith("broken"));
    expect(rows.length).toBe(1);
    expect(rows[0]!.querySelector("strong")).not.toBeNull();
    expect(rows[0]!.textContent).toContain("wrong: row 3 is 1");
  });

  test("of a run in which nothing could be measured is still a page", () => {
    expect(html({ ...results, complete: false, plan: null, cells: [] })).toContain("Nothing was measured.");
  });
});

describe("peak memory", () => {
  const memory = [1024, 2048, 4096].map((length) => {
    const growth = 2e4 * length;
    return { length, before: 5e7, peak: 5e7 + growth, growth, floor: 1e5, resolved: length > 1024 };
  });
  const growth = { prefill: null, decode: null };
  const fit = { exponent: 0.97, error: 0.05, from: 1024, to: 4096, points: 3 };
  const prefill = memory.map(({ length }) => ({ length, ...spread, work: 5e5, gpu: null }));
  const cells = [
    cell("linear on ort-cpu", {
      ...{ prefill, memory, growth: { ...growth, memory: fit } },
      backend: "ort-cpu",
      threads: 2,
    }),
    cell("short on cpu", { prefill, memory, growth: { ...growth, memory: null } }),
    cell("not on cpu", { prefill, memory: [], growth: { ...growth, memory: null } }),
  ];
  const measured = { ...results, options: { ...results.options, threads: 2 }, cells };
  const { document } = parseHTML(html(measured));
  const shown = [
    ["table", tables(measured)],
    ["page", document.body.textContent!],
  ] as const;

  test.each(shown)("has an exponent with its caption in the %s, or says why there is none", (_, text) => {
    expect(text).toContain("0.97 ± 0.05 (1024 to 4096)");
    expect(text).toContain("1 of 3 below resolution");
    expect(text).toContain("not measured");
    expect(text).toContain("resident set (bytes)");
    expect(text).toContain("78.1 MiB");
    expect(text).toContain("< 4.00 MiB");
    expect(text).toContain("Threads for one operation: 2 on ort-cpu, baselines included");
  });

  test("is a plot where there are lengths to compare", () => {
    expect([...document.querySelectorAll("h2")].map((h) => h.textContent)).toContain("Peak memory");
    // Prefill, decode and state on two backends, peak memory on the one with several lengths per cell.
    expect([...document.querySelectorAll("figure > svg")].length).toBe(8);
  });
});

test("the tables say what is left out, missing and wrong", () => {
  const text = tables(results);
  expect(text).toContain("- softmax, prefill, time budget: 16384 tokens (about 99.0 s)");
  expect(text).toContain("tpu is not available here: there is none");
  expect(text).toMatch(/\| broken +\| WRONG/);
  expect(text).toContain("1.02 ± 0.03 (256 to 8192)");
});

describe("noise", () => {
  const at = (low: number, high: number, readable = true) =>
    [256].map((length) => ({ length, ...spread, interval: { low, high, readable }, work: 5e5, gpu: null }));
  const ratio = { cell: "fast", what: "prefill" as const, size: 256, rounds: 3 };
  const measured: Results = {
    ...results,
    cells: [
      cell("slow", { prefill: at(0.021, 0.022), decode: [] }),
      cell("fast", { prefill: at(0.01, 0.012), decode: [] }),
      cell("as fast", { prefill: at(0.011, 0.013), decode: [] }),
      cell("wild", { mechanism: "softmax", prefill: at(0.001, 0.03, false), decode: [] }),
      cell("soft", {
        prefill: at(0.001, 0.002),
        decode: [],
        adapter: { name: "s", software: true },
        mechanism: "other",
      }),
    ],
    ratios: [
      { ...ratio, against: "slow", ratio: { value: 0.5, low: 0.45, high: 0.55, readable: true } },
      { ...ratio, against: "wild", ratio: { value: 1.5, low: 0.2, high: 4, readable: false } },
      { ...ratio, against: "soft", ratio: null },
    ],
  };
  const text = tables(measured);

  test("ranks share a place where intervals overlap; a noisy time is marked and not ranked", () => {
    const ranks = text.match(/^\| (slow|fast|as fast|wild|soft) +\|(?: +[^|]+\|){3} +(\w*) +\| +3 \|/gm)!;
    expect(ranks.map((line) => line.split("|").map((x) => x.trim())).map((x) => [x[1], x[5]])).toEqual([
      ["slow", "3"],
      ["fast", "1"],
      ["as fast", "1"],
      ["wild", "noisy"],
      ["soft", ""],
    ]);
    expect(text).toContain('A number is marked "noisy" and not ranked if its 95 % interval is wider than 30 % of it');
  });

  test("a noisy ratio is marked, one on a software adapter is none", () => {
    expect(text).toContain("0.500 (0.450 to 0.550) ");
    expect(text).toContain("1.50 (0.200 to 4.00) noisy");
    expect(text).toContain("n/a (software)");
  });

  test("CSV has every time and ratio with its interval", () => {
    const lines = resultsCsv([{ machine: 'a "b", c', results: measured }])
      .trimEnd()
      .split("\r\n");
    expect(lines.length).toBe(1 + 5 + 3);
    expect(lines[2]).toBe(
      '"a ""b"", c",time,fast,linear,cpu,float32,,prefill,256,3,0.011,0.0105,0.0115,0.01,0.012,true,1,',
    );
    expect(lines[5]).toBe('"a ""b"", c",time,soft,other,cpu,float32,,prefill,256,3,,,,,,,,');
    expect(lines[7]).toBe('"a ""b"", c",ratio,fast,linear,cpu,float32,wild,prefill,256,3,1.5,,,0.2,4,false,,');
  });
});
