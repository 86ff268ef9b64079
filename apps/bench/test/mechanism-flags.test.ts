import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mechanisms } from "@attnkit/catalog";
import { readSafetensors, writeSafetensors } from "@attnkit/measure/safetensors";
import { floats } from "@attnkit/measure/tensor";
import { expect, test } from "vitest";
import { cli, folder, tensors } from "./harness.ts";

const dir = folder();
writeFileSync(join(dir, "in.safetensors"), writeSafetensors(tensors(7)));

async function run(...flags: string[]): Promise<number[]> {
  const files = ["--tensors", "in.safetensors", "--out", "out.safetensors"];
  const { code, err } = await cli(dir, ["run", ...flags, ...files]);
  expect([code, err]).toEqual([0, ""]);
  const out = readSafetensors("out", readFileSync(join(dir, "out.safetensors")));
  return [...floats("y", out.get("y")!)];
}

test("every declared option has a flag, with its default in the help", async () => {
  const { out } = await cli(dir, ["run", "--help"]);
  for (const { name, options } of mechanisms) {
    for (const [option, { meaning, default: value, absent }] of Object.entries(options)) {
      const dashed = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      expect(out).toMatch(new RegExp(`--(no-)?${dashed}\\b`));
      const words = `${name}: ${meaning}; default ${value === undefined ? absent : JSON.stringify(value)}`;
      expect(out.replace(/\s+/g, " ")).toContain(words.replace(/\s+/g, " "));
    }
  }
});

test("a flag of each type reaches the mechanism", async () => {
  const same = async (flags: string[], ...options: string[]) => {
    const [name] = flags as [string];
    const got = await run("--mechanism", ...flags);
    expect(got).toEqual(await run("--mechanism", name, ...options.flatMap((o) => ["--option", o])));
    expect(got).not.toEqual(await run("--mechanism", name));
  };
  await same(["softmax", "--scale", "-2"], "scale=-2");
  await same(["softmax", "--window", "1,0"], "window=[1,0]");
  await same(["linear", "--feature-map", "relu"], 'featureMap="relu"');
  await same(["linear", "--no-normalize"], "normalize=false");
  await same(["elementwise", "--order", "exact"], 'order="exact"');
  await same(["elementwise", "--order", "4"], "order=4");
  await same(["logsumexp", "--log-values"], "logValues=true");
  await same(["polynomial", "--normalizer", "16"], "normalizer=16");
});

test("the former names of an option are still read: flags, --option, and vectors", async () => {
  const now = await run("--mechanism", "polynomial", "--normalizer", "16");
  expect(await run("--mechanism", "polynomial", "--normalizer", "fixed", "--n", "16")).toEqual(now);
  const written = ["--option", 'normalizer="fixed"', "--option", "n=16"];
  expect(await run("--mechanism", "polynomial", ...written)).toEqual(now);

  const base64 = (data: number[]) => Buffer.from(Float32Array.from(data).buffer).toString("base64");
  const tensor = (data: number[], n: number) => ({ dtype: "float32", shape: [n, 1], data: base64(data) });
  const call = (name: string, options: object, y: number) => ({
    ...{ name, mechanism: "polynomial", options, causal: false, atol: 1e-6, rtol: 1e-6 },
    inputs: { q: tensor([2], 1), k: tensor([3, 1], 2), v: tensor([1, 1], 2) },
    outputs: { y: tensor([y], 1) },
  });
  // (6^2 + 2^2) / sqrt(N)
  const cases = [
    call("fixed", { power: 2, normalizer: "fixed", n: 16 }, 10),
    call("number", { power: 2, normalizer: 16 }, 10),
    call("visible", { power: 2, normalizer: "visible" }, 40 / Math.SQRT2),
  ];
  writeFileSync(join(dir, "v.json"), JSON.stringify({ format: "attnkit-vectors/1", cases }));
  const { code, out } = await cli(dir, ["conform", "--vectors", "v.json", "--backend", "cpu"]);
  expect(out).toContain("3 passed, 0 failed, 0 unsupported");
  expect(code).toBe(0);
});

test("a word that no mechanism declares is refused by the mechanism", async () => {
  const files = ["--tensors", "in.safetensors", "--out", "no.safetensors"];
  const { code, err } = await cli(dir, ["run", "--mechanism", "polynomial", "--normalizer", "fixed", ...files]);
  expect(code).toBe(2);
  expect(err).toContain('polynomial: option normalizer is "fixed"; expected a finite number above 0 or "visible"');
});
