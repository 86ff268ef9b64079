/** Where outputs are in Node. That they stay on the GPU in a browser is `onnx-device.browser.test.ts`. */
import { attention, isAttentionError } from "@attnkit/core";
import { linear } from "@attnkit/linear";
import { onnx } from "@attnkit/onnx";
import * as web from "onnxruntime-web/webgpu";
import { expect, test } from "vitest";
import { useAdapter } from "../../../catalog/src/dawn.ts";

test("outputs are on the CPU, and one that the caller keeps on the GPU is refused, not read", async () => {
  useAdapter(); // before the runtime looks for one
  const ort = await import("onnxruntime-node");
  const executionProviders = ["webgpu"] as const;
  expect(onnx({ ort }).outputs).toBe("cpu");
  expect(onnx({ ort, executionProviders }).outputs).toBe("cpu");
  const sessionOptions = { preferredOutputLocation: "gpu-buffer", intraOpNumThreads: 1 } as const;
  const backend = onnx({ ort, executionProviders, sessionOptions });
  expect(backend.outputs).toBe("gpu-buffer");
  const x = backend.upload(Float32Array.of(1, 2, 3, 4), [1, 2, 2]);
  const { y, state } = await attention(linear(), backend, { causal: true })({ q: x, k: x, v: x });
  expect(y.location).toBe("gpu-buffer");
  const refusal = await backend.download(y).catch((error) => error);
  expect(isAttentionError(refusal, "ATTN_UNSUPPORTED"), String(refusal)).toBe(true);
  expect(refusal.message).toMatch(/preferredOutputLocation to "cpu"/);
  for (const t of [y, ...Object.values(state)]) backend.free(t);
  await backend.release();
}, 30_000);

test("the web build says where they will be before it starts", () => {
  const on = (name: "wasm" | "webgpu") => onnx({ ort: web, executionProviders: [name] }).outputs;
  expect([on("wasm"), on("webgpu")]).toEqual(["cpu", "gpu-buffer"]);
});
