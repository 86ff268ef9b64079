import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "@attnkit/measure/safetensors";
import { type FileEntries, type FileTensors, floats } from "@attnkit/measure/tensor";
import { describe, expect, test } from "vitest";
import { commands, fences } from "../../../tools/repo/docs/markdown.ts";
import { readNpz } from "../src/input/npz.ts";
import { cli, folder, tensors } from "./harness.ts";

const dir = folder();
const save = (name: string, t: FileTensors) => writeFileSync(join(dir, name), writeSafetensors(t));
const load = (name: string) => readSafetensors(name, readFileSync(join(dir, name)));
const values = (all: FileEntries, name: string) => [...floats(name, all.get(name)!)];
const run = (...args: string[]) => cli(dir, ["run", ...args]);

save("in.safetensors", tensors(7));

describe("several mechanisms", () => {
  const compare = (list: string, ...args: string[]) =>
    run("--mechanism", list, "--causal", "--tensors", "in.safetensors", "--out", "many.safetensors", ...args);

  test("write y under their names, as each would alone, and the distance to the first", async () => {
    const list = 'softmax,linear:{"featureMap":"relu"},elementwise';
    const { code, out, err } = await compare(list);
    expect([code, err]).toEqual([0, ""]);
    const file = load("many.safetensors");
    expect([...file.keys()].sort()).toEqual(["elementwise.y", 'linear{"featureMap":"relu"}.y', "softmax.y"]);
    await run(
      "--mechanism",
      "linear",
      "--feature-map",
      "relu",
      "--causal",
      "--tensors",
      "in.safetensors",
      "--out",
      "one.npz",
    );
    const alone = values(readNpz("one", readFileSync(join(dir, "one.npz"))), "y");
    expect(values(file, 'linear{"featureMap":"relu"}.y')).toEqual(alone);
    const first = values(file, "softmax.y");
    const sum = (f: (i: number) => number) => Math.sqrt(first.reduce((s, _, i) => s + f(i) ** 2, 0));
    const distance = sum((i) => alone[i]! - first[i]!) / sum((i) => first[i]!);
    const cells = (name: string) =>
      out
        .split("\n")
        .find((line) => line.startsWith(`| ${name} `))!
        .split("|")
        .map((x) => x.trim());
    expect(cells("mechanism")).toEqual(["", "mechanism", "distance to softmax", "cosine", "entropy", "norm", ""]);
    expect(cells("softmax").slice(2, 4)).toEqual(["0", "1.000"]);
    expect(Number(cells('linear{"featureMap":"relu"}')[2])).toBeCloseTo(distance, 2);
  });

  test("--weights: rows that add up to 1, and W v is y; per channel for elementwise", async () => {
    const { code, out } = await compare("softmax,elementwise", "--weights");
    expect([code, out.split("\n").slice(0, 4)]).toEqual([
      0,
      [
        "softmax.y F32 [7, 4]",
        "softmax.weights F32 [7, 7]",
        "elementwise.y F32 [7, 4]",
        "elementwise.weights F32 [4, 7, 7]",
      ],
    ]);
    const file = load("many.safetensors");
    const [w, y] = [values(file, "softmax.weights"), values(file, "softmax.y")];
    const v = [...floats("v", tensors(7).get("v")!)];
    for (let i = 0; i < 7; i++) {
      const row = w.slice(7 * i, 7 * i + 7);
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      expect(row.slice(i + 1).every((x) => x === 0)).toBe(true);
      for (let c = 0; c < 4; c++)
        expect(row.reduce((s, x, j) => s + x * v[4 * j + c]!, 0)).toBeCloseTo(y[4 * i + c]!, 5);
    }
  });

  test("--weights of one mechanism stand beside its y and state", async () => {
    const { code, out } = await run(
      ..."--mechanism linear --weights --tensors in.safetensors --out w.safetensors --dtype float64".split(" "),
    );
    expect([code, out.split("\n")[0], out.includes("weights F64 [7, 7]"), out.includes("state.")]).toEqual([
      ...[0, "y F64 [7, 4]", true, true],
    ]);
  });

  test("more weights than fit are refused, where they are asked for; without them the table has a gap", async () => {
    // 5000 x 5000 weights are more than 2^24.
    save("long.safetensors", tensors(5000, 2));
    const args = ["--tensors", "long.safetensors", "--causal", "--out", "long.npz"];
    const asked = await run("--mechanism", "linear,logsumexp", "--weights", ...args);
    expect([asked.code, asked.out, existsSync(join(dir, "long.npz"))]).toEqual([2, "", false]);
    expect(asked.err).toMatch(
      /^attnkit: --weights: linear: q \[5000, 2\].* of 25000000 numbers; expected at most 16777216\n$/,
    );
    const { code, out, err } = await run("--mechanism", "linear,logsumexp", ...args);
    expect([code, out.includes("| linear "), err.match(/no weights/g)?.length]).toEqual([0, true, 2]);
  });

  const fails: [string[], RegExp][] = [
    [["--mechanism", "softmax,nothing"], /there is no mechanism "nothing"/],
    [["--mechanism", "softmax,softmax"], /softmax is named twice/],
    [["--mechanism", "softmax,linear", "--feature-map", "relu"], /does not go with the flag for featureMap/],
    [["--mechanism", "softmax,"], /there is no mechanism ""/],
    [["--mechanism", 'softmax,linear:{"featureMap":"none"}'], /featureMap/],
    [["--mechanism", "softmax,polynomial", "--lse"], /polynomial on cpu: lse: .*not normalised/],
    [
      ["--mechanism", "softmax,linear", "--state", "one.safetensors"],
      /--mechanism: a comparison: does not work with a state/,
    ],
    [["--mechanism", "softmax", "--weights", "--state", "one.safetensors"], /--weights: does not work with a state/],
    [
      ["--mechanism", 'logsumexp:{"logValues":true}', "--weights"],
      /--weights: logsumexp\{"logValues":true\}: its output is no weighted sum of the values: weights are its output for v = identity/,
    ],
  ];
  test.each(fails)("refuses %j", async (args, reason) => {
    await run("--mechanism", "softmax", "--causal", "--tensors", "in.safetensors", "--out", "one.safetensors");
    const { code, out, err } = await run(...args, "--tensors", "in.safetensors", "--out", "refused.safetensors");
    expect(err).toMatch(reason);
    expect([code, out, err.trimEnd().split("\n").length, existsSync(join(dir, "refused.safetensors"))]).toEqual([
      2,
      "",
      1,
      false,
    ]);
  });
});

describe("the commands of the README run", () => {
  save("qkv.safetensors", tensors(24));
  const root = join(import.meta.dirname, "../../..");
  const lines = fences(root, "apps/bench/README.md")
    .filter(({ language }) => language === "sh")
    .flatMap(commands)
    .filter((line) => /^attnkit (bench --frontier|run --mechanism '?softmax,)/.test(line));
  // A later flag replaces an earlier one: sizes of a test instead of those of a measurement.
  const small = (line: string) => {
    const sizes = line.includes("--tensors") ? [] : ["--dim", "4", "--lengths", "16"];
    return line.includes("--frontier") ? [...sizes, ..."--decode-contexts 4,8 --rounds 3 --budget 2".split(" ")] : [];
  };

  test("there are four", () => expect(lines).toHaveLength(4));

  test.each(lines)("%s", async (line) => {
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
    const { code, err } = await cli(dir, [...words.slice(1), ...small(line)]);
    expect(code, err).toBe(0);
  });
});
