import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { elementwise } from "@attnkit/elementwise";
import { readSafetensors, writeSafetensors } from "@attnkit/measure/safetensors";
import { type FileEntries, type FileTensors, fileTensor, floats } from "@attnkit/measure/tensor";
import { describe, expect, test } from "vitest";
import { readNpz, writeNpz } from "../src/input/npz.ts";
import { cli, folder, tensors } from "./harness.ts";

const dir = folder();
const save = (name: string, t: FileTensors) => writeFileSync(join(dir, name), writeSafetensors(t));
const load = (name: string) => readSafetensors(name, readFileSync(join(dir, name)));
const values = (all: FileEntries, name: string) => [...floats(name, all.get(name)!)];
const run = (...args: string[]) => cli(dir, ["run", ...args]);

save("in.safetensors", tensors(7));

test("a call through files is the same call", async () => {
  const { code, out, err } = await run(
    "--mechanism",
    "elementwise",
    "--order",
    "6",
    "--causal",
    "--tensors",
    "in.safetensors",
    "--out",
    "out.safetensors",
    "--lse",
  );
  expect([code, err]).toEqual([0, ""]);
  expect(out).toBe(
    "y F32 [7, 4]\nlse F32 [7, 4]\nstate.mu F32 [1, 1, 1, 4]\nstate.s F32 [1, 1, 7, 4]\nstate.z F32 [1, 1, 7, 4]\n",
  );
  const backend = cpu();
  const x = tensors(7);
  const up = (name: string) => backend.upload(floats(name, x.get(name)!), [7, 4]);
  const result = await attention(elementwise({ order: 6 }), backend, { causal: true })({
    q: up("q"),
    k: up("k"),
    v: up("v"),
  });
  expect(values(load("out.safetensors"), "y")).toEqual([...(await backend.download(result.y))]);
});

test("two blocks with --state are one sequence, also through npz", async () => {
  const cut = (from: number, to: number) =>
    new Map([...tensors(7)].map(([n, t]) => [n, fileTensor(floats(n, t).slice(4 * from, 4 * to), [to - from, 4])]));
  save("a.safetensors", cut(0, 3));
  writeFileSync(join(dir, "b.npz"), writeNpz(cut(3, 7)));
  for (const mechanism of ["softmax", "linear", "polynomial", "logsumexp", "elementwise"]) {
    const how = ["--mechanism", mechanism, "--causal"];
    expect((await run(...how, "--tensors", "in.safetensors", "--out", "whole.safetensors")).code).toBe(0);
    expect((await run(...how, "--tensors", "a.safetensors", "--out", "one.safetensors")).code).toBe(0);
    const two = await run(...how, "--tensors", "b.npz", "--state", "one.safetensors", "--out", "two.npz");
    expect([two.code, two.err]).toEqual([0, ""]);
    const joined = [
      ...values(load("one.safetensors"), "y"),
      ...values(readNpz("two", readFileSync(join(dir, "two.npz"))), "y"),
    ];
    for (const [i, y] of values(load("whole.safetensors"), "y").entries()) expect(joined[i]).toBeCloseTo(y, 5);
  }
});

test("flags become options, --option any other; both say the same", async () => {
  const common = ["--mechanism", "softmax", "--tensors", "in.safetensors"];
  await run(...common, "--scale", "0.5", "--softcap", "2", "--window", "2,0", "--out", "flags.safetensors");
  await run(
    ...common,
    "--option",
    "scale=0.5",
    "--option",
    "softcap=2",
    "--option",
    "window=[2,0]",
    "--out",
    "json.safetensors",
  );
  expect(values(load("flags.safetensors"), "y")).toEqual(values(load("json.safetensors"), "y"));
  await run(...common, "--out", "plain.safetensors");
  expect(values(load("flags.safetensors"), "y")).not.toEqual(values(load("plain.safetensors"), "y"));
});

test("float64, masks, grouped heads, and tensors that are not used", async () => {
  const q = fileTensor(
    Float64Array.from({ length: 24 }, (_, i) => Math.cos(i)),
    [2, 3, 4],
  );
  const k = fileTensor(
    Float64Array.from({ length: 12 }, (_, i) => Math.sin(i)),
    [1, 3, 4],
  );
  save(
    "gqa.safetensors",
    new Map([
      ["q", q],
      ["k", k],
      ["v", k],
      ["mask", fileTensor(Uint8Array.of(0, 1, 1), [1, 3])],
      ["note", k],
    ]),
  );
  const { code, out, err } = await run(
    "--mechanism",
    "softmax",
    "--dtype",
    "float64",
    "--tensors",
    "gqa.safetensors",
    "--out",
    "gqa-out.npz",
    "--lse",
  );
  expect([code, err]).toEqual([0, "note: gqa.safetensors: note not used\n"]);
  expect(out.split("\n").slice(0, 2)).toEqual(["y F64 [2, 3, 4]", "lse F64 [2, 3]"]);
});

describe("bad input: one line, exit code 2, nothing written", () => {
  save(
    "nan.safetensors",
    tensors(3, 4, (_, data) => {
      data[5] = Number.NaN;
    }),
  );
  save("short-k.safetensors", new Map([...tensors(7), ["k", tensors(6).get("k")!]]));
  save("half-state.safetensors", new Map([...tensors(7), ["state.s", fileTensor(Float32Array.of(1), [1])]]));
  writeFileSync(join(dir, "cut.safetensors"), readFileSync(join(dir, "in.safetensors")).subarray(0, -4));
  save("proto.safetensors", new Map([...tensors(7), ["state.__proto__", fileTensor(Float32Array.of(1), [1])]]));
  writeFileSync(join(dir, "empty.npz"), "");
  mkdirSync(join(dir, "folder.npz"));
  symlinkSync("in.safetensors", join(dir, "link.safetensors"));
  symlinkSync("loop.npz", join(dir, "loop.npz"));
  const input = readFileSync(join(dir, "in.safetensors"));
  const good = ["--tensors", "in.safetensors", "--out", "bad.safetensors"];

  test.each<[string, string[], RegExp]>([
    [
      "missing file",
      ["--mechanism", "linear", "--tensors", "nope.npz", "--out", "bad.npz"],
      /^attnkit: nope\.npz: no such file/,
    ],
    [
      "truncated file",
      ["--mechanism", "linear", "--tensors", "cut.safetensors", "--out", "bad.npz"],
      /cut\.safetensors: .*truncated/,
    ],
    [
      "NaN",
      ["--mechanism", "linear", "--tensors", "nan.safetensors", "--out", "bad.npz"],
      /nan\.safetensors: q: NaN at \[1, 1\] of \[3, 4\]/,
    ],
    [
      "shapes",
      ["--mechanism", "linear", "--tensors", "short-k.safetensors", "--out", "bad.npz"],
      /k has 6 tokens, v has 7; got q \[7, 4\]/,
    ],
    [
      "a wrong state",
      ["--mechanism", "linear", "--tensors", "half-state.safetensors", "--out", "bad.npz"],
      /linear: .*state/,
    ],
    [
      "a state entry that every object has",
      ["--mechanism", "linear", "--tensors", "proto.safetensors", "--out", "bad.npz"],
      /linear: the state has no entry s; got __proto__ \[1\]/,
    ],
    [
      "no such mechanism",
      ["--mechanism", "lineer", ...good],
      /--mechanism: there is no mechanism "lineer"; expected softmax, linear/,
    ],
    [
      "no such backend",
      ["--mechanism", "linear", "--backend", "tpu", ...good],
      /--backend: there is no backend "tpu"; expected cpu/,
    ],
    [
      "no such type",
      ["--mechanism", "linear", "--dtype", "int8", ...good],
      /--dtype: cpu has no int8; expected float32 or float64/,
    ],
    [
      "an option of another mechanism",
      ["--mechanism", "linear", "--order", "2", ...good],
      /linear: option order is 2; expected one of the options/,
    ],
    [
      "a value the mechanism refuses",
      ["--mechanism", "elementwise", "--order", "3", ...good],
      /elementwise: option order is 3; expected an even/,
    ],
    [
      "a value that is no number",
      ["--mechanism", "softmax", "--scale", "big", ...good],
      /--scale <x>.*big.*finite number/i,
    ],
    [
      "an option twice",
      ["--mechanism", "softmax", "--scale", "1", "--option", "scale=2", ...good],
      /scale is given twice/,
    ],
    [
      "an option that is no JSON",
      ["--mechanism", "linear", "--option", "featureMap=relu", ...good],
      /is not JSON; strings need quotes/,
    ],
    ["causal of a third kind", ["--mechanism", "linear", "--causal", "start", ...good], /--causal \[end\].*start/],
    [
      "lse where there is none",
      ["--mechanism", "polynomial", "--power", "2", "--lse", ...good],
      /polynomial on cpu: lse/,
    ],
    ["a kernel that does not exist", ["--mechanism", "linear", "--kernels", "require", ...good], /no kernel/],
    [
      "output of another format",
      ["--mechanism", "linear", "--tensors", "in.safetensors", "--out", "bad.npy"],
      /bad\.npy: extension \.npy; expected \.safetensors or \.npz/,
    ],
    [
      "output into nowhere",
      ["--mechanism", "linear", "--tensors", "in.safetensors", "--out", "no/such/bad.npz"],
      /no\/such\/bad\.npz: no such file or folder/,
    ],
    ["a state file without state", ["--mechanism", "linear", "--state", "in.safetensors", ...good], /holds no state/],
    ["no --tensors", ["--mechanism", "linear", "--out", "bad.npz"], /required option '--tensors <file>'/],
    [
      "an option that every object has",
      ["--mechanism", "linear", "--option", "toString=1", ...good],
      /linear: option toString is 1; expected one of the options/,
    ],
    [
      "the input as output",
      ["--mechanism", "linear", "--tensors", "in.safetensors", "--out", "./in.safetensors"],
      /in\.safetensors: would replace in\.safetensors/,
    ],
    [
      "a link to the input as output",
      ["--mechanism", "linear", "--tensors", "in.safetensors", "--out", "link.safetensors"],
      /link\.safetensors: would replace in\.safetensors/,
    ],
    ["an empty file", ["--mechanism", "linear", "--tensors", "empty.npz", "--out", "bad.npz"], /empty\.npz: is empty/],
    ["a folder", ["--mechanism", "linear", "--tensors", "folder.npz", "--out", "bad.npz"], /folder\.npz: is a folder/],
    [
      "a link to itself",
      ["--mechanism", "linear", "--tensors", "loop.npz", "--out", "bad.npz"],
      /loop\.npz: a symbolic link/,
    ],
    ["an unknown flag", ["--mechanism", "linear", "--ordre", "6", ...good], /unknown option .--ordre./],
  ])("%s", async (_, args, reason) => {
    const before = readdirSync(dir);
    const { code, out, err } = await run(...args);
    expect(err).toMatch(reason);
    expect([code, out, err.trimEnd().split("\n").length]).toEqual([2, "", 1]);
    expect(readdirSync(dir)).toEqual(before);
    expect(existsSync(join(dir, "bad.safetensors"))).toBe(false);
    expect(readFileSync(join(dir, "in.safetensors")).equals(input)).toBe(true);
  });
});
