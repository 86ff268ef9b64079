import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  badge,
  type CaseResult,
  compareReports,
  overview,
  type Report,
  readExpectedFailures,
  runConformance,
} from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { softmax } from "@attnkit/softmax";
import { softmaxReference } from "@attnkit/softmax/reference";
import { Ajv } from "ajv";
import { beforeAll, describe, expect, test } from "vitest";
import { cli, folder } from "./harness.ts";
import { BROKEN, outsideModule } from "./outside.ts";

const dir = folder();
const conform = (...args: string[]) => cli(dir, ["conform", ...args]);
const json = (name: string) => JSON.parse(readFileSync(join(dir, name), "utf8"));
const put = (name: string, content: unknown) => writeFileSync(join(dir, name), JSON.stringify(content));
const ONE = ["--dtype", "float32", "--mechanism", "ops", "--law", "op-exp", "--case", "0"];
const REASON = { law: "op-exp", case: 0, reason: "exp returns its argument" };

beforeAll(async () => {
  await outsideModule(dir, "broken.js", BROKEN);
  await outsideModule(
    dir,
    "right.js",
    `import { cpu } from "@attnkit/cpu"; export default () => ({ ...cpu(), name: "broken" });`,
  );
  put("expected.json", [REASON]);
}, 60_000);

describe("expected failures from a file", () => {
  test("a case that fails as expected conforms", async () => {
    const { code } = await conform("./broken.js", ...ONE, "--expected", "expected.json", "--json", "known.json");
    expect([code, json("known.json").reports[0].cases[0].status]).toEqual([0, "expected-failure"]);
  });

  test("a case that passes is an error that says to remove the entry", async () => {
    const { code, out } = await conform("./right.js", ...ONE, "--expected", "expected.json", "--json", "passes.json");
    expect(code).toBe(1);
    expect(out).toContain("expected to fail (exp returns its argument) and passed; remove the expected failure");
    expect(out).toContain("--expected expected.json");
  });

  test.each<[string, unknown, RegExp]>([
    ["no list", { law: "op-exp" }, /bad\.json: .*expected a list/],
    ["no law of that name", [{ law: "gravity", reason: "x" }], /\[0\]\.law: got "gravity", expected one of: transfer/],
    ["no reason", [REASON, { law: "op-exp" }], /\[1\]\.reason: got undefined/],
    ["an empty reason", [{ law: "op-exp", reason: " " }], /\[0\]\.reason: got " "/],
    ["a field that there is not", [{ ...REASON, cases: [0] }], /got "cases", expected an entry with the fields law/],
    ["a case that is no number", [{ ...REASON, case: "0" }], /\[0\]\.case: got "0", expected a case number/],
    [
      "a case that the law does not have",
      [{ ...REASON, case: 999 }],
      /\[0\] names the case 999 of op-exp, expected one of: 0/,
    ],
  ])("%s is refused", async (_, content, reason) => {
    put("bad.json", content);
    const { code, err } = await conform("cpu", ...ONE, "--expected", "bad.json");
    expect([code, err]).toEqual([2, expect.stringMatching(reason)]);
  });

  test("the same list is that of conformance()", () => {
    expect(readExpectedFailures([REASON])).toEqual([REASON]);
  });
});

describe("the JSON schema of reports", () => {
  const schema = createRequire(import.meta.url)("@attnkit/core/conformance/report.schema.json");
  const valid = new Ajv({ strict: true, allErrors: true, strictRequired: false }).compile(schema);
  const check = (x: unknown) => (valid(JSON.parse(JSON.stringify(x))) ? [] : valid.errors);
  const filter = { law: "op-exp", case: 0 };

  test("describes real reports: of every status, stopped, and files of the command line", async () => {
    await conform("./broken.js", ...ONE, "--json", "fails.json");
    const files = ["known.json", "passes.json", "fails.json"].map(json);
    for (const file of files) expect(check(file)).toEqual([]);
    const of = (subject: object, how: object = {}) =>
      runConformance({ backend: () => cpu(), mechanisms: [], ...subject }, { filter, ...how });
    expect(check(await of({ versions: { "@me/backend": "1.0.0" }, seed: 7 }))).toEqual([]);
    const stopped = await of({}, { signal: { aborted: true } });
    expect([stopped.complete, check(stopped)]).toEqual([false, []]);
    const statuses = files.flatMap((file) => file.reports.flatMap((r: Report) => r.cases.map((c) => c.status)));
    expect(new Set(statuses)).toEqual(new Set(["expected-failure", "unexpected-pass", "fail"]));
  });

  test("refuses a report that lacks a field, has one too many, or a case whose error does not fit its status", async () => {
    const report = await runConformance({ backend: () => cpu(), mechanisms: [] }, { filter });
    const [first] = report.cases as [CaseResult];
    for (const field of Object.keys(report)) expect(check({ ...report, [field]: undefined }), field).not.toEqual([]);
    for (const field of Object.keys(first))
      expect(check({ ...report, cases: [{ ...first, [field]: undefined }] }), field).not.toEqual([]);
    expect(check({ ...report, more: 1 })).not.toEqual([]);
    expect(check({ ...report, cases: [{ ...first, error: "x" }] })).not.toEqual([]);
    expect(check({ ...report, cases: [{ ...first, status: "fail" }] })).not.toEqual([]);
  });
});

/** A report of cases with these statuses, by title. */
const reportOf = (statuses: Record<string, CaseResult["status"]>, name = "cpu"): Report => {
  const cases = Object.entries(statuses).map(
    ([title, status], n): CaseResult => ({
      ...{ law: "oracle", rules: "S1", mechanism: title.split(" ")[0]!, options: "{}", case: n, title, status },
      ...{ used: 0, ms: 1, ...(status !== "pass" && { error: `oracle: ${title} is wrong\nreplay: run ${title}` }) },
    }),
  );
  return {
    ...{ format: "attnkit-conformance/1", versions: {}, seed: 1, complete: true, ms: 1, cases },
    backend: { name, kind: "cpu", device: "none", dtype: "float32", supports: { gradients: true } },
    conforms: cases.every((c) => c.status === "pass"),
  };
};

describe("--compare", () => {
  const before = reportOf({ "a 0": "pass", "a 1": "fail", "b 0": "pass", "b 1": "pass" });
  const after = reportOf({ "a new": "fail", "a 0": "fail", "a 1": "pass", "b 0": "expected-failure" });

  test("a case is known by its title: another number is the same case", () => {
    const titles = Object.fromEntries(
      Object.entries(compareReports([before], [after])).map(([name, x]) => [
        name,
        Array.isArray(x) ? x.map(({ title }) => title) : x,
      ]),
    );
    expect(titles).toEqual({
      ...{ newlyFailing: ["a new", "a 0"], newlyPassing: ["a 1"], appeared: ["a new"], vanished: ["b 1"] },
      ...{ common: 3, complete: true },
    });
  });

  test("exit code 1 and the replay line where a case newly fails, 0 where none does", async () => {
    put("old.json", before);
    put("new.json", { format: "attnkit-conform/1", conforms: false, reports: [after] });
    const worse = await conform("--compare", "old.json", "new.json", "--markdown", "compared.md");
    expect(worse.code).toBe(1);
    expect(worse.out).toContain("3 cases in both reports; 2 newly failing, 1 newly passing, 1 appeared, 1 vanished.");
    expect(worse.out).toContain("- cpu float32, a: oracle 1, a 0\n\n      oracle: a 0 is wrong\n      replay: run a 0");
    expect(readFileSync(join(dir, "compared.md"), "utf8")).toBe(worse.out);
    put("same.json", before);
    expect((await conform("--compare", "old.json", "same.json")).code).toBe(0);
  });

  test.each<[string, string[], RegExp]>([
    ["one file", ["old.json"], /--compare: got 1 files, expected 2/],
    [
      "no report",
      ["old.json", "expected.json"],
      /expected\.json: is no conformance report \(top level must be object\)/,
    ],
    ["no case in common", ["old.json", "other.json"], /have no case in common/],
    [
      "with a law",
      ["old.json", "new.json", "--law", "oracle"],
      /--compare: runs nothing; it cannot be combined with --law/,
    ],
    ["over its own input", ["old.json", "new.json", "--markdown", "old.json"], /old\.json: would replace old\.json/],
  ])("%s is refused", async (_, args, reason) => {
    put("other.json", reportOf({ "a 0": "pass" }, "tfjs"));
    const { code, err } = await conform("--compare", ...args);
    expect([code, err]).toEqual([2, expect.stringMatching(reason)]);
  });
});

describe("several reports", () => {
  const [good, bad] = [
    reportOf({ "a 0": "pass", "b 0": "pass" }),
    reportOf({ "a 0": "fail", "b 0": "expected-failure" }, "x"),
  ];

  test("are one table of mechanisms and backends", () => {
    expect(overview([good, bad])).toBe(
      "| mechanism | cpu float32 | x float32 |\n| --- | --- | --- |\n| a | 1 of 1 | 0 of 1 (**1 fail**) |\n| b | 1 of 1 | 0 of 1 (1 expected) |\n",
    );
  });

  test("are one badge: its numbers, green only if all conform", () => {
    expect(badge([good])).toMatch(/aria-label="attnkit conformance: 2 of 2"[\s\S]*#2a7f2e/);
    expect(badge([good, bad])).toMatch(/attnkit conformance: 2 of 4[\s\S]*#b3261e/);
    expect(badge([])).toMatch(/0 of 0[\s\S]*#b3261e/);
  });

  test("on the command line", async () => {
    await conform("cpu", ...ONE.slice(2), "--badge", "badge.svg", "--markdown", "all.md");
    expect(readFileSync(join(dir, "badge.svg"), "utf8")).toContain(">2 of 2<");
    expect(readFileSync(join(dir, "all.md"), "utf8")).toMatch(/^\| mechanism \| cpu float32 \| cpu float64 \|/);
  });
});

describe("one kernel", () => {
  /** A kernel that runs the portable program, and adds `error` to it. */
  const kernel = (error: number, accepts: true | string = true) => ({
    name: "plain",
    kind: "cpu",
    accepts: () => accepts,
    run(block: never, call: never, backend: ReturnType<typeof cpu>) {
      const result = softmax().forward(backend.ops, block, call);
      return { ...result, y: backend.ops.add(result.y, backend.upload(Float32Array.of(error), [])) };
    },
  });
  const other = { ...kernel(1), name: "other" };
  const run = (one: object, name = "plain") =>
    runConformance(
      {
        backend: () => cpu(),
        mechanisms: [
          { mechanism: { ...softmax(), kernels: [other, one] } as never, reference: softmaxReference() },
          { mechanism: softmax({ softcap: 2 }), reference: softmaxReference({ softcap: 2 }) },
        ],
        kernel: name,
      },
      { filter: { law: "oracle", case: 0 } },
    );

  test("is tested alone: not the operations, other kernels, nor mechanisms without it", async () => {
    const report = await run(kernel(0));
    expect(report.cases.map((c) => [c.mechanism, c.options, c.status])).toEqual([["softmax", "{}", "pass"]]);
    expect(report).toMatchObject({ conforms: true, kernel: { name: "plain" } });
    expect(report.kernel!.calls).toBeGreaterThan(0);
  });

  test("that is wrong breaks a law", async () => {
    expect((await run(kernel(0.5))).cases[0]!.status).toBe("fail");
  });

  test("that never runs does not conform, though every case passes", async () => {
    const report = await run(kernel(0, "not today"));
    expect([report.cases[0]!.status, report.kernel!.calls, report.conforms]).toEqual(["pass", 0, false]);
  });

  test("that no mechanism has is refused with the names that there are", async () => {
    await expect(run(kernel(0), "fast")).rejects.toThrow(
      /no mechanism here has a kernel named "fast", expected one of: other, plain/,
    );
  });

  test("on the command line", async () => {
    const { code, err } = await conform("cpu", "--dtype", "float32", "--kernel", "fast", "--law", "oracle");
    expect([code, err]).toEqual([2, expect.stringMatching(/no mechanism here has a kernel named "fast"/)]);
  });
});
