import { isAttentionError } from "@attnkit/core";
import {
  type CaseResult,
  conformance,
  markdown,
  plan,
  type Runner,
  random,
  replayByName,
  runConformance,
  type Subject,
} from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { describe, expect, test } from "vitest";
import { withOps } from "./backends.ts";
import { softmax } from "./softmax.ts";
import { linear } from "./states.ts";

const whole: Subject = { backend: () => cpu(), mechanisms: [softmax()] };
const broken: Subject = { ...whole, mechanisms: [softmax("h % Hkv")], seed: 7 };
const strip = (cases: readonly CaseResult[]) => cases.map(({ ms: _, ...rest }) => rest);

describe("the suite", () => {
  test("every law has cases, and no two cases share an identity", () => {
    const items = plan({ mechanisms: [softmax(), softmax(undefined, { scale: 0.3 }), linear()] });
    const ids = items.map((i) => [i.law, i.mechanism, i.options, i.case].join());
    expect(new Set(ids).size).toBe(ids.length);
    const bare = softmax();
    const none = { ...bare, mechanism: { ...bare.mechanism, takes: { mask: "no", bias: "no", lse: "no" } } };
    const without = (row: typeof bare) => new Set(plan({ mechanisms: [row] }).map((i) => i.law));
    expect([...without(none)]).toContain("unsupported");
    expect([...without(none)]).not.toContain("lse");
    expect([...without(bare)]).toContain("lse");
  });

  test("the same seed gives the same results, another seed other ones", async () => {
    const filter = { law: "oracle" };
    const once = await runConformance(whole, { filter });
    const again = await runConformance(whole, { filter });
    const other = await runConformance({ ...whole, seed: 2 }, { filter });
    expect(strip(again.cases)).toEqual(strip(once.cases));
    expect(other.cases.map((c) => c.used)).not.toEqual(once.cases.map((c) => c.used));
    expect(other.conforms).toBe(true);
  });

  test("a failure ends with a line whose fields select and repeat exactly that case", async () => {
    const report = await runConformance(broken, { filter: { law: "grouped-heads" } });
    const failed = report.cases.find((c) => c.status === "fail")!;
    const replay = failed.error!.split("\n").at(-1)!;
    const fields = `{"law":"grouped-heads","mechanism":"softmax","options":"{}","case":${failed.case}}`;
    expect(replay).toBe(`replay: runConformance({ ...subject, seed: 7 }, { filter: ${fields} })`);
    const filter = { law: failed.law, mechanism: failed.mechanism, options: failed.options, case: failed.case };
    const alone = await runConformance(broken, { filter });
    expect(strip(alone.cases)).toEqual(strip([failed]));
  });

  test("a replay line is that of the runner, and its expression selects one test", async () => {
    const replay = replayByName("npx vitest run my.test.ts -t");
    const outcomes: [string, Promise<void>][] = [];
    const path: string[] = [];
    const runner: Runner = {
      replay,
      describe(name, body) {
        path.push(name);
        body();
        path.pop();
      },
      test: (name, body) => outcomes.push([[...path, name].join(" "), body()]),
    };
    conformance(runner, broken, { law: "grouped-heads" });
    const errors = await Promise.all(outcomes.map(([, done]) => done.then(String, String)));
    const line = errors[0]!.split("\n").at(-1)!;
    const [, expression] = /^replay: npx vitest run my\.test\.ts -t '(.*)'$/.exec(line)!;
    expect(outcomes.filter(([name]) => new RegExp(expression!).test(name))).toHaveLength(1);
    const { cases } = await runConformance(broken, {
      filter: { law: "grouped-heads", case: 0 },
      replay: ({ backend, seed }) => `again on ${backend} with ${seed}`,
    });
    expect(cases[0]!.error).toMatch(/\nreplay: again on cpu with 7$/);
  });

  test("an expected failure hides no crash", async () => {
    const { mechanism, reference } = softmax();
    const forward = () => {
      throw new TypeError("no such thing");
    };
    const expectedFailures = [{ law: "oracle", reason: "the formula is another one" }];
    const subject: Subject = {
      ...{ backend: () => cpu(), expectedFailures },
      mechanisms: [{ mechanism: { ...mechanism, forward }, reference }],
    };
    const { cases, conforms } = await runConformance(subject, { filter: { law: "oracle", case: 0 } });
    expect(cases.map((c) => c.status)).toEqual(["fail"]);
    expect(cases[0]!.error).toMatch(/crashed, which is no broken law: TypeError: no such thing/);
    expect(conforms).toBe(false);
  });

  test("a reference of another mechanism is named as such, a mistake in the program is not", async () => {
    const other: Subject = { ...whole, mechanisms: [{ ...softmax(), reference: linear().reference }] };
    const filter = { law: "oracle", case: 0 };
    const wrong = await runConformance(other, { filter });
    expect(wrong.cases[0]!.error).toMatch(/softmax and its reference disagree in all \d+ entries/);
    const mistake = await runConformance(broken, { filter: { law: "grouped-heads", case: 0 } });
    expect(mistake.cases[0]!.error).not.toMatch(/its reference disagree/);
  });

  test.each<[string, unknown, unknown, RegExp]>([
    ["no such law", whole, { law: "nope" }, /no law "nope" here, expected one of: .*oracle/],
    ["no such case", whole, { law: "oracle", case: 999 }, /no case 999 here/],
    ["a function that is never true", whole, () => false, /selects no case/],
    ["an unknown field", whole, { laws: "oracle" }, /the field "laws", expected one of: law, mechanism/],
    [
      "a bare mechanism",
      { ...whole, mechanisms: [softmax().mechanism] },
      {},
      /mechanisms\[0\].*a mechanism alone has no oracle/,
    ],
    ["a factory as row", { ...whole, mechanisms: [softmax] }, {}, /call the factory/],
    ["no reference", { ...whole, mechanisms: [{ mechanism: softmax().mechanism }] }, {}, /reference: got undefined/],
    [
      "an uncalled reference",
      { ...whole, mechanisms: [{ ...softmax(), reference: () => () => 0 }] },
      {},
      /a factory of references/,
    ],
    [
      "a backend object",
      { ...whole, backend: cpu() },
      {},
      /subject\.backend: got an object named "cpu".*\(\) => cpu\(\)/,
    ],
    ["no backend at all", { ...whole, backend: () => ({ name: "x" }) }, {}, /lacks the functions upload, download/],
    ["no mechanisms", { backend: () => cpu() }, {}, /subject\.mechanisms: got undefined/],
    [
      "an expected failure of no law",
      { ...whole, expectedFailures: [{ law: "nope", reason: "x" }] },
      {},
      /expectedFailures\[0\]\.law: got "nope", expected one of: .*op-exp/,
    ],
    [
      "an expected failure without a reason",
      { ...whole, expectedFailures: [{ law: "oracle" }] },
      {},
      /with a reason in words/,
    ],
  ])("%s is refused with a sentence", async (_, subject, filter, message) => {
    const refusal = await runConformance(subject as Subject, { filter: filter as object }).catch((error) => error);
    expect(isAttentionError(refusal, "ATTN_OPTION"), String(refusal)).toBe(true);
    expect(refusal.message).toMatch(message);
  });

  test("an expected failure passes, and one that passes is a failure", async () => {
    const filter = { law: "grouped-heads", case: 0 };
    const expectedFailures = [{ law: "grouped-heads", mechanism: "softmax", reason: "heads are mapped by remainder" }];
    const failing = await runConformance({ ...broken, expectedFailures }, { filter });
    expect(failing.cases.map((c) => c.status)).toEqual(["expected-failure"]);
    expect(failing.conforms).toBe(true);
    const passing = await runConformance({ ...whole, expectedFailures }, { filter });
    expect(passing.cases.map((c) => c.status)).toEqual(["unexpected-pass"]);
    expect(passing.conforms).toBe(false);
    expect(passing.cases[0]!.error).toMatch(/heads are mapped by remainder.*remove/);
  });

  test("runs under any runner: one test per case, failing where the case fails", async () => {
    const ran: [string, Promise<void>][] = [];
    const runner = {
      describe: (_: string, body: () => void) => body(),
      test: (name: string, body: () => Promise<void>) => ran.push([name, body()]),
    };
    conformance(runner, broken, { law: "grouped-heads" });
    expect(ran.map(([name]) => name)).toEqual(
      plan(broken, { law: "grouped-heads" }).map((i) => `${i.case} ${i.title}`),
    );
    await expect(ran[0]![1]).rejects.toThrow(/grouped-heads \(S2\): y\[.*\] is .* expected .*\nreplay: /);
    await Promise.allSettled(ran.map(([, done]) => done));
  });

  test("a backend that cannot be made fails every test", async () => {
    const outcomes: Promise<void>[] = [];
    const runner = {
      describe: (_: string, body: () => void) => body(),
      test: (_: string, body: () => Promise<void>) => outcomes.push(body()),
    };
    const backend = () => Promise.reject(new Error("no adapter"));
    conformance(runner, { backend, mechanisms: [] }, { law: "op-add" });
    const settled = await Promise.allSettled(outcomes);
    expect(settled.length).toBeGreaterThan(10);
    expect(settled.every((s) => s.status === "rejected")).toBe(true);
  });

  test("reports are plain data, and Markdown with the worst budget and the failures", async () => {
    const seen: number[] = [];
    const subject: Subject = {
      ...whole,
      backend: () => withOps((o) => ({ minimum: o.maximum })),
      versions: { "@attnkit/cpu": "1.2.3" },
    };
    const report = await runConformance(subject, {
      filter: { mechanism: "ops" },
      onProgress: (_, done, total) => seen.push(done / total),
    });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(report).toMatchObject({
      format: "attnkit-conformance/1",
      seed: 1,
      conforms: false,
      backend: { name: "cpu", dtype: "float32" },
    });
    expect(seen.at(-1)).toBe(1);
    const text = markdown(report);
    expect(text).toMatch(/\| op-minimum \(Ops\) \| .*\*\*\d+ fail\*\*/);
    const added = report.cases.filter(({ law }) => law === "op-add").length;
    expect(added).toBeGreaterThan(40);
    expect(text).toMatch(new RegExp(`\\| op-add \\(Ops\\) \\| ${added}, \\d+ % \\|`));
    expect(text).toContain("@attnkit/cpu 1.2.3");
    expect(text).toContain("replay: runConformance(");
  });

  test("a run can be stopped, and then conforms to nothing; a function selects cases", async () => {
    const law = (item: { law: string }) => item.law === "op-add";
    const all = await runConformance(whole, { filter: law });
    expect(all).toMatchObject({ complete: true, conforms: true });
    expect(new Set(all.cases.map((c) => c.law))).toEqual(new Set(["op-add"]));
    const stop = new AbortController();
    const some = await runConformance(whole, {
      filter: law,
      signal: stop.signal,
      onProgress: async (_, done) => {
        await Promise.resolve();
        if (done === 3) stop.abort();
      },
    });
    expect(some).toMatchObject({ complete: false, conforms: false });
    expect(some.cases).toHaveLength(2);
    expect(markdown(some)).toContain("stopped before its last case");
  });

  test("random numbers depend on the key alone", () => {
    const draw = (key: string) => {
      const r = random(key);
      return [r.uniform(), r.normal(), r.integer(3, 9), r.permutation(6)];
    };
    expect(draw("a")).toEqual(draw("a"));
    expect(draw("a")).not.toEqual(draw("b"));
    const r = random("moments");
    const xs = Array.from({ length: 20000 }, () => r.normal());
    const mean = xs.reduce((a, b) => a + b, 0) / xs.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(xs.reduce((a, b) => a + (b - mean) ** 2, 0) / xs.length - 1)).toBeLessThan(0.05);
    expect(r.permutation(50).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});
