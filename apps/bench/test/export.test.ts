import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exportOnnx } from "@attnkit/onnx";
import { polynomial } from "@attnkit/polynomial";
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

test.each([
  ["--mechanism linear --form prefill --out a.onnx", /dims\.L/],
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
