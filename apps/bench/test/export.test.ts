import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportOnnx, toText } from "@attnkit/onnx";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import { expect, test } from "vitest";
import { cli, folder } from "./harness.ts";

const dir = folder();
const run = (line: string) => cli(dir, ["export", ...line.split(" ")]);

test("writes the file that exportOnnx gives", async () => {
  const { code, out, err } = await run(
    '--mechanism polynomial --power 2 --option form="quadratic" --form decode --causal --heads 4 --key-heads 2 --channels 8 --out p.onnx',
  );
  expect([code, err]).toEqual([0, ""]);
  const file = exportOnnx(polynomial({ power: 2, form: "quadratic" }), {
    form: "decode",
    causal: true,
    dims: { Hq: 4, Hkv: 2, d: 8 },
  });
  expect(out).toBe(`p.onnx ${file.length} bytes\n`);
  expect(Buffer.compare(readFileSync(join(dir, "p.onnx")), file)).toBe(0);
});

test("--pretty prints the graph, with or without a file", async () => {
  const line =
    "--mechanism softmax --form prefill --dtype float16 --mask per-head --bias --heads 2 --channels 4 --pretty";
  const { code, out } = await run(line);
  expect(code).toBe(0);
  const dims = { Hq: 2, d: 4 };
  const file = exportOnnx(softmax(), { form: "prefill", dtype: "float16", mask: "per-head", bias: true, dims });
  expect(out).toBe(toText(file));
  expect(out).toContain("float16[batch,1,length,length] bias");
  expect((await run(`${line} --out s.onnx`)).out).toBe(`${toText(file)}s.onnx ${file.length} bytes\n`);
});

test("--check reads a file; what is none is refused in one line, and nothing crashes", async () => {
  await run("--mechanism polynomial --power 2 --form decode --out c.onnx");
  const { code, out } = await run("--check c.onnx");
  expect(code).toBe(0);
  expect(out).toMatch(
    /^c\.onnx \d+ bytes, IR version 10, \d+ nodes\n {2}opset ai\.onnx 21\n {2}in q \[batch, 8, 1, 64\]/,
  );
  expect(out).toContain('metadata options {"power":2}');
  writeFileSync(join(dir, "readme.onnx"), "# This is no model\n".repeat(100));
  const none = await run("--check readme.onnx");
  expect([none.code, none.out]).toEqual([2, ""]);
  expect(none.err).toMatch(/not an ONNX model.*\n$/);
  expect(none.err.trim().split("\n")).toHaveLength(1);
});

test.each([
  ["--mechanism linear --form decode", /--out: is missing/],
  ["--mechanism logsumexp --form decode --fused --out a.onnx", /no fused program takes this call/],
  ["--mechanism softmax --form prefill --causal --fused --out a.onnx", /splits the block by length/],
  ["--form decode --out a.onnx", /--mechanism: is missing/],
  ["--mechanism linear --out a.onnx", /--form: is missing/],
  ["--mechanism linear --form decode --mask --out a.onnx", /linear: mask/],
  ["--mechanism softmax --form decode --mask rows --out a.onnx", /per-head/],
  ["--check a.onnx --mechanism linear", /cannot be combined with --check/],
  ["--check a.onnx", /no such file/],
  ["--mechanism linear --form chunk --out a.onnx", /prefill, block, decode/],
  ["--mechanism linear --form decode --opset 30 --out a.onnx", /opset is 30/],
  ["--mechanism linear --form decode --heads 3 --key-heads 2 --out a.onnx", /3 query heads/],
])("%s: one line, and no file", async (line, message) => {
  const { code, out, err } = await run(line);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(message);
  expect(err.trim().split("\n")).toHaveLength(1);
  expect(existsSync(join(dir, "a.onnx"))).toBe(false);
});
