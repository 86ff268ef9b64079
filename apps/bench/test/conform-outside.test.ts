import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { cli, folder } from "./harness.ts";
import { BROKEN, MINE, outsideModule } from "./outside.ts";

const dir = folder();
const conform = (...args: string[]) => cli(dir, ["conform", ...args]);
const json = (name: string) => JSON.parse(readFileSync(join(dir, name), "utf8"));
const CPU = `import { cpu } from "@attnkit/cpu";`;
const ONE = ["--dtype", "float32", "--mechanism", "ops", "--law", "op-exp", "--case", "0"];

const modules: Readonly<Record<string, string>> = {
  "factory.js": `${CPU} export default cpu;`,
  "named.js": `${CPU} export const backend = cpu();`,
  "only.js": `${CPU} export const make = async () => cpu(); export const VERSION = "1";`,
  "about.js": `export { about } from "@attnkit/cpu/about";`,
  "several.js": `import { about as list } from "@attnkit/cpu/about";
    const [cpu] = list;
    export const about = [{ ...cpu, name: "one", dtypes: ["float32"] }, { ...cpu, name: "two", dtypes: ["float64"] }];`,
  "two.js": `${CPU} export const a = cpu; export const b = cpu;`,
  "none.js": `export const answer = 42;`,
  "wrong.js": `export default () => ({ upload: 1 });`,
  "throws.js": `export default () => { throw new Error("no GPU here"); };`,
  "fails.js": `throw new Error("not today");`,
  "broken.js": BROKEN,
  "mine.js": MINE,
  "made.js": `import { softmax } from "@attnkit/softmax"; import { softmaxReference } from "@attnkit/softmax/reference";
    export default { mechanism: { ...softmax({ softcap: 2 }), name: "made" }, reference: softmaxReference({ softcap: 2 }) };`,
  "described.js": `import { about as softmax } from "@attnkit/softmax/about"; export const about = softmax;`,
  "unreferenced.js": `import { softmax } from "@attnkit/softmax"; export default softmax;`,
};

beforeAll(async () => {
  for (const [name, code] of Object.entries(modules)) await outsideModule(dir, name, code);
  const own = join(dir, "node_modules/@me/backend");
  mkdirSync(own, { recursive: true });
  writeFileSync(
    join(own, "package.json"),
    JSON.stringify({ name: "@me/backend", type: "module", exports: { "./about": { import: "./about.js" } } }),
  );
  await outsideModule(own, "about.js", modules["about.js"]!);
}, 60_000);

describe("a backend from outside", () => {
  test.each([
    ["./factory.js", "float32"],
    ["./named.js", "float32"],
    ["./only.js", "float32"],
    ["./about.js", "float32"],
    ["./two.js#b", "float32"],
    ["@me/backend", "float32"],
  ])("%s", async (written, dtype) => {
    const { code, err } = await conform(written, ...ONE, "--json", "one.json");
    expect({ code, err }).toEqual({ code: 0, err: `conformance of ${written} ${dtype} ...\n` });
    const { reports } = json("one.json");
    expect(reports).toHaveLength(1);
    expect(reports[0].backend).toMatchObject({ name: "cpu", dtype });
  });

  test("without --dtype, each float type that it declares", async () => {
    await conform("./factory.js", ...ONE.slice(2), "--json", "types.json");
    const types = json("types.json").reports.map((r: { backend: { dtype: string } }) => r.backend.dtype);
    expect(types).toEqual(["float32", "float64"]);
  });

  test("a list has a name for each, and all of them are tested unless one is named", async () => {
    const all = await conform("--backend", "./several.js", ...ONE.slice(2));
    expect(all.err.match(/\S+#\w+ \w+/g)).toEqual(["./several.js#one float32", "./several.js#two float64"]);
    const one = await conform("--backend", "./several.js#two", ...ONE.slice(2));
    expect(one.err).toBe("conformance of ./several.js#two float64 ...\n");
  });

  test("a failing case ends with the line that runs it again, and that line does", async () => {
    const { code } = await conform("./broken.js", ...ONE, "--json", "broken.json");
    expect(code).toBe(1);
    const { error } = json("broken.json").reports[0].cases[0];
    const [, line] = /\nreplay: attnkit (.*)$/.exec(error) ?? [];
    expect(line).toBe("conform --backend ./broken.js --dtype float32 --mechanism ops --law op-exp --seed 1 --case 0");
    const again = await cli(dir, line!.split(" "));
    expect([again.code, again.out.includes("op-exp")]).toEqual([1, true]);
  });
});

describe("a mechanism from outside", () => {
  test.each([
    ["./mine.js", ["{}", '{"softcap":2}']],
    ["./made.js", ['{"softcap":2}']],
    ["./described.js", ["{}", '{"scale":0.3,"softcap":2}', '{"window":[3,1]}']],
  ])("%s: each of its option sets", async (written, sets) => {
    const args = ["cpu", "--dtype", "float32", "--mechanism", written, "--law", "rank", "--case", "0"];
    const { code } = await conform(...args, "--json", "mine.json");
    const { cases } = json("mine.json").reports[0];
    expect([code, cases.map((c: { options: string }) => c.options)]).toEqual([0, sets]);
  });

  test("on a broken backend: the replay line names both as the command did", async () => {
    const args = ["./broken.js", "--mechanism", "./mine.js", "--law", "oracle", "--case", "0"];
    const { code } = await conform(...args, "--dtype", "float32", "--json", "both.json");
    expect(code).toBe(1);
    const errors = json("both.json").reports[0].cases.map((c: { error: string }) => c.error);
    expect(errors[1]).toContain(
      `\nreplay: attnkit conform --backend ./broken.js --dtype float32 --mechanism ./mine.js --options '{"softcap":2}' --law oracle`,
    );
  });
});

test("attnkit bench checks and times both", async () => {
  const args =
    "bench --backend ./factory.js --mechanism ./mine.js --lengths 16 --decode-contexts 16 --budget 1 --rounds 2";
  const { code, out } = await cli(dir, [...args.split(" "), "--no-memory", "--no-baselines", "--out", "results"]);
  expect(out).toContain("./mine.js");
  expect(code).toBe(0);
});

describe("bad modules: one line that says what was found, exit code 2", () => {
  test.each<[string, string[], RegExp]>([
    [
      "no such file",
      ["./nope.js"],
      /^attnkit: \.\/nope\.js: there is no file .*nope\.js; expected a JavaScript module/,
    ],
    [
      "no such package",
      ["@me/nope"],
      /there is no backend "@me\/nope"; expected cpu, .*a package that is installed here/,
    ],
    ["it throws while it loads", ["./fails.js"], /\.\/fails\.js: could not be loaded: not today/],
    ["nothing that fits", ["./none.js"], /exports answer \(a number\); expected a backend, a function that makes one/],
    ["two that fit", ["./two.js"], /exports a \(a function\), b \(a function\); .*name the one to use: \.\/two\.js#a/],
    ["a name that is not there", ["./two.js#c"], /two\.js#c: exports a .*expected a backend/],
    ["a name that the list lacks", ["./several.js#three"], /has no backend "three"; its list about has one, two/],
    ["the function makes something else", ["./wrong.js"], /function default returned an object with the fields upload/],
    ["the function ignores the type", ["./broken.js", "--dtype", "float64"], /made a backend of float32/],
    ["the function throws", ["./throws.js"], /function default, called with no arguments, threw: no GPU here/],
    ["a backend twice", ["./two.js#a", "--backend", "cpu"], /--backend: cannot be combined with the argument/],
    [
      "no reference",
      ["cpu", "--mechanism", "./unreferenced.js"],
      /there is no reference, so nothing says what is right/,
    ],
    ["no mechanism", ["cpu", "--mechanism", "./none.js"], /exports answer \(a number\): there is no mechanism/],
    [
      "options of a mechanism that is made",
      ["cpu", "--mechanism", "./made.js", "--options", '{"softcap":3}'],
      /made\.js: the mechanism was made with its options: got \{"softcap":3\}, expected \{"softcap":2\}/,
    ],
  ])("%s", async (_, args, reason) => {
    const { code, out, err } = await conform(...args);
    expect(err).toMatch(reason);
    expect([code, out, err.trimEnd().split("\n").length]).toEqual([2, "", 1]);
  });

  test("bench --against takes names alone", async () => {
    const { code, err } = await cli(dir, ["bench", "--backend", "./factory.js", "--against", "x"]);
    expect([code, err]).toEqual([2, expect.stringMatching(/--against: compares two builds/)]);
  });
});
