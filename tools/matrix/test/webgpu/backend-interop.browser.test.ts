/** GPU tensors of ONNX Runtime and of `@attnkit/webgpu` in each other's operations, on one device, without a download. */
import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { linear } from "@attnkit/linear";
import { onnx } from "@attnkit/onnx";
import { softmax } from "@attnkit/softmax";
import { webgpuDevice } from "@attnkit/tfjs/webgpu";
import { webgpu } from "@attnkit/webgpu";
import * as ort from "onnxruntime-web/webgpu";
import { expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });
ort.env.wasm.numThreads = 1;

test("attnkit's output is an input of a session, and the session's output is an input of attnkit", async () => {
  const { device } = await webgpuDevice();
  const own = webgpu({ device });
  const runtime = onnx({ ort, executionProviders: [{ name: "webgpu", device }] });
  const plain = cpu();
  const shape = [1, 2, 5, 4];
  const values = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
  const downloads = vi.spyOn(GPUBuffer.prototype, "mapAsync");

  const x = own.upload(values, shape);
  const first = await attention(linear(), own)({ q: x, k: x, v: x });
  const handed = ort.Tensor.fromGpuBuffer(first.y.buffer as never, { dataType: "float32", dims: shape });
  const second = await attention(softmax(), runtime)({ q: handed, k: handed, v: handed });
  expect(second.y.location).toBe("gpu-buffer");
  const taken = own.wrap(second.y.gpuBuffer as unknown as GPUBuffer, shape);
  const third = await attention(linear(), own)({ q: taken, k: taken, v: taken });
  expect(downloads).not.toHaveBeenCalled();

  const got = await own.download(third.y);
  const a = plain.upload(values, shape);
  const b = (await attention(linear(), plain)({ q: a, k: a, v: a })).y;
  const c = (await attention(softmax(), plain)({ q: b, k: b, v: b })).y;
  const right = await plain.download((await attention(linear(), plain)({ q: c, k: c, v: c })).y);
  for (const [i, e] of right.entries()) expect(got[i]).toBeCloseTo(e, 4);
  vi.restoreAllMocks();
  own.dispose();
});
