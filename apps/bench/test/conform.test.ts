import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BackendEntry, backends } from "@attnkit/catalog";
import { eager } from "@attnkit/core/backend";
import { type VectorCase, writeVectors } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { describe, expect, test } from "vitest";
import { cli, folder } from "./harness.ts";

const dir = folder();
const conform = (...args: string[]) => cli(dir, ["conform", ...args]);
const json = (name: string) => JSON.parse(readFileSync(join(dir, name), "utf8"));
const put = (name: string, content: unknown) =>
  writeFileSync(join(dir, name), typeof content === "string" ? content : JSON.stringify(content));

/** One key: every normalising mechanism gives its value. */
const one = (name: string, more: Partial<VectorCase> = {}): VectorCase => {
  const t = (...x: number[]) => ({ shape: [1, x.length], data: Float32Array.from(x) });
  return {
    name,
    mechanism: "softmax",
    options: {},
    causal: false,
    inputs: { q: t(1, 2), k: t(3, 4), v: t(5, 6) },
    outputs: { y: t(5, 6) },
    atol: 1e-6,
    rtol: 0,
    ...more,
  };
};

describe("golden vectors", () => {
  const wide = (x: Record<string, { shape: readonly number[]; data: ArrayLike<number> }>) =>
    Object.fromEntries(Object.entries(x).map(([n, { shape, data }]) => [n, { shape, data: Float64Array.from(data) }]));
  const double = one("double");
  put(
    "good.json",
    writeVectors([
      one("a"),
      one("b", { mechanism: "logsumexp" }),
      { ...double, inputs: wide(double.inputs), outputs: wide(double.outputs), atol: 1e-14 },
    ]),
  );
  put(
    "mixed.json",
    writeVectors([
      one("right"),
      one("off", { outputs: { y: { shape: [1, 2], data: Float32Array.of(5, 6.5) } } }),
      one("flat", { outputs: { y: { shape: [2], data: Float32Array.of(5, 6) } } }),
      one("other", { mechanism: "retnet" }),
    ]),
  );

  test("one line per case, sums last, exit code 0", async () => {
    const { code, out, err } = await conform("--backend", "cpu", "--vectors", "good.json");
    expect([code, out, err]).toEqual([0, "pass a\npass b\npass double\n3 passed, 0 failed, 0 unsupported\n", ""]);
  });

  test("failures say how far off, exit code 1, the same as JSON", async () => {
    const { code, out } = await conform("--backend", "cpu", "--vectors", "mixed.json", "--json", "report.json");
    expect(code).toBe(1);
    expect(out.split("\n")).toEqual([
      "pass right",
      "fail off: worst error 5.00e-1 at y[0, 1] (got 6, expected 6.5, allowed 1.00e-6)",
      "fail flat: y has shape [1,2], expected [2]",
      "unsupported other: there is no mechanism retnet",
      "1 passed, 2 failed, 1 unsupported",
      "",
    ]);
    const { cases, ...sums } = json("report.json");
    expect(sums).toEqual({ format: "attnkit-vector-results/1", passed: 1, failed: 2, unsupported: 1 });
    expect(cases[1]).toMatchObject({
      file: "mixed.json",
      backend: "cpu",
      dtype: "float32",
      name: "off",
      status: "fail",
    });
  });

  test("several files add up; --mechanism selects", async () => {
    const { out } = await conform(
      "--backend",
      "cpu",
      "--vectors",
      "good.json",
      "--vectors",
      "mixed.json",
      "--mechanism",
      "logsumexp",
    );
    expect(out).toBe("pass b\n1 passed, 0 failed, 0 unsupported\n");
  });

  test("500 cases are 500 results", async () => {
    put("many.json", writeVectors(Array.from({ length: 500 }, (_, i) => one(`case ${i}`))));
    const { out } = await conform("--backend", "cpu", "--vectors", "many.json");
    expect(out.split("\n").at(-2)).toBe("500 passed, 0 failed, 0 unsupported");
  });
});

describe("the suite", () => {
  test("runs on one backend of each library where none is named", async () => {
    const { code } = await conform("--mechanism", "ops", "--law", "op-exp", "--case", "0", "--json", "usual.json");
    const { reports } = json("usual.json") as { reports: { backend: { name: string } }[] };
    expect(code).toBe(0);
    expect(new Set(reports.map((r) => r.backend.name))).toEqual(new Set(["cpu", "ort-cpu", "tfjs-wasm"]));
  });

  test("one law: a Markdown report for each float type, and files of it", async () => {
    const { code, out } = await conform(
      "--backend",
      "cpu",
      "--mechanism",
      "softmax",
      "--law",
      "rank",
      "--json",
      "suite.json",
      "--markdown",
      "suite.md",
    );
    expect(code).toBe(0);
    expect(out).toContain("# Conformance of cpu");
    expect(readFileSync(join(dir, "suite.md"), "utf8")).toBe(out);
    const { format, conforms, reports } = json("suite.json");
    expect([format, conforms]).toEqual(["attnkit-conform/1", true]);
    expect(reports.map((r: { backend: { dtype: string } }) => r.backend.dtype)).toEqual(["float32", "float64"]);
  });

  test("what a replay line names is one case", async () => {
    const { code } = await conform(
      ..."--backend cpu --dtype float32 --mechanism elementwise --law rank --seed 9 --case 0 --json case.json".split(
        " ",
      ),
      "--options",
      '{"order":2}',
    );
    expect([code, json("case.json").reports[0].cases.length, json("case.json").reports[0].seed]).toEqual([0, 1, 9]);
  });
});

describe("what a backend's catalog entry expects to fail", () => {
  /** `exp` is the identity, and the entry says whether that is known. */
  const run = async (wrong: boolean, known: boolean) => {
    const right = cpu();
    const ops = { ...right.ops, ...(wrong && { exp: (x: ReturnType<typeof right.ops.exp>) => x }) };
    const entry: BackendEntry = {
      name: "odd",
      kind: "cpu",
      dtypes: ["float32"],
      places: ["node"],
      ...(known && { expectedFailures: [{ law: "op-exp", reason: "exp is the identity" }] }),
      create: async () => ({ ...right, ops, compile: eager(ops) }),
    };
    const list = backends as BackendEntry[];
    list.push(entry);
    try {
      const { code } = await conform(
        ..."--backend odd --mechanism ops --law op-exp --case 0 --json odd.json".split(" "),
      );
      return [code, new Set(json("odd.json").reports[0].cases.map((c: { status: string }) => c.status))];
    } finally {
      list.splice(list.indexOf(entry), 1);
    }
  };

  test.each<[string, boolean, boolean, number, string]>([
    ["fails as expected", true, true, 0, "expected-failure"],
    ["fails unexpectedly", true, false, 1, "fail"],
    ["passes against expectation", false, true, 1, "unexpected-pass"],
  ])("%s", async (_, wrong, known, code, status) => {
    expect(await run(wrong, known)).toEqual([code, new Set([status])]);
  });
});

test("options that leave out what has a default name the same mechanism", async () => {
  const { code } = await conform(
    ..."--backend cpu --dtype float32 --mechanism linear --law rank --options {}".split(" "),
  );
  expect(code).toBe(0);
});

describe("bad input: one line, exit code 2, nothing written", () => {
  put("text.json", "{ not json");
  put("other.json", { format: "something", cases: [] });
  put("case.json.bad", {});
  const broken = JSON.parse(JSON.stringify(writeVectors([one("x")])));
  broken.cases[0].inputs.q.data = "AAAA";
  put("broken.json", broken);

  test.each<[string, string[], RegExp]>([
    ["missing file", ["--vectors", "nope.json"], /^attnkit: nope\.json: no such file/],
    ["no JSON", ["--vectors", "text.json"], /text\.json: not JSON .*expected a UTF-8 JSON file/],
    ["another format", ["--vectors", "other.json"], /other\.json: .*format is "something"/],
    [
      "a broken case, before any case runs",
      ["--vectors", "good.json", "--vectors", "broken.json"],
      /broken\.json: case x, inputs\.q/,
    ],
    ["unknown backend", ["--backend", "gpu", "--vectors", "good.json"], /there is no backend "gpu"/],
    ["unknown mechanism", ["--mechanism", "magic"], /there is no mechanism "magic"/],
    ["unknown law", ["--law", "gravity"], /--law: there is no law "gravity" here; expected .*partition/],
    ["no such case", ["--law", "rank", "--mechanism", "softmax", "--case", "99"], /--case: no law has a case 99/],
    ["options of nothing", ["--options", "{}"], /--options: belongs to one mechanism/],
    ["options that are none", ["--mechanism", "linear", "--options", '{"power":2}'], /linear: option power/],
    [
      "report into nowhere",
      ["--vectors", "good.json", "--json", "no/where.json"],
      /no\/where\.json: no such file or folder/,
    ],
    ["a seed that is none", ["--seed", "x"], /--seed <n>.*whole number/],
    [
      "the vectors as output",
      ["--vectors", "good.json", "--json", "./good.json"],
      /good\.json: would replace good\.json/,
    ],
    [
      "one file for two reports",
      ["--backend", "cpu", "--json", "same", "--markdown", "same"],
      /same: would replace same, which the same command names/,
    ],
    ["both worlds", ["--vectors", "good.json", "--law", "rank"], /--law: cannot be combined with --vectors/],
  ])("%s", async (_, args, reason) => {
    const before = readdirSync(dir);
    const { code, out, err } = await conform(...args);
    expect(err).toMatch(reason);
    expect([code, out, err.trimEnd().split("\n").length]).toEqual([2, "", 1]);
    expect(readdirSync(dir)).toEqual(before);
  });
});
