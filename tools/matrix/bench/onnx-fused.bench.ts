/**
 * Compares causal prefill by the fused ONNX programs with the portable ones, on ONNX Runtime's CPU provider with one thread.
 * `npx vitest bench --project node tools/matrix/bench` prints both times and their ratio.
 */
import { creator, mechanisms } from "@attnkit/catalog";
import { attention } from "@attnkit/core";
import { onnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-node";
import { bench, describe } from "vitest";

const HEADS = 2;
const CHANNELS = 64;

const backend = onnx({ ort, sessionOptions: { intraOpNumThreads: 1, interOpNumThreads: 1 } });
const waves = (n: number, phase: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(12.9898 * i + phase));

for (const [name, L] of [
  ["softmax", 768],
  ["linear", 768],
  ["elementwise", 512],
] as const) {
  const mechanism = (await creator(mechanisms.find((m) => m.name === name)!, { kind: "onnx" }))();
  const up = (phase: number) => backend.upload(waves(HEADS * L * CHANNELS, phase), [1, HEADS, L, CHANNELS]);
  const block = { q: up(0), k: up(1), v: up(2) };
  const runs = (["require", "never"] as const).map((kernels) => {
    const attend = attention(mechanism, backend, { causal: true, kernels });
    return { label: kernels === "require" ? "fused" : "portable", attend: () => attend(block) };
  });
  const [fused, portable] = await Promise.all(
    runs.map(async ({ attend }) => Array.from(await backend.download((await attend()).y))),
  );
  const worst = fused!.reduce((most, x, i) => Math.max(most, Math.abs(x - portable![i]!)), 0);
  if (!(worst < 1e-4)) throw new Error(`${name}: the two programs differ by ${worst}, which is over 1e-4.`);
  describe(`${name}, causal, [1, ${HEADS}, ${L}, ${CHANNELS}]`, () => {
    for (const { label, attend } of runs) bench(label, async () => void (await attend()), { iterations: 8 });
  });
}
