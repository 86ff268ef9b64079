/**
 * Measures the GPU use of a long prefill on Dawn's null device. It compiles, checks and counts everything and computes
 * nothing. A software adapter would take minutes.
 */

import { attention } from "@attnkit/core";
import { gpuUse } from "@attnkit/measure/gpu-meter";
import { softmax } from "@attnkit/softmax/webgpu";
import { type Tensor, type TfjsBackend, tfjs } from "@attnkit/tfjs";
import { type WebgpuDevice, webgpuDevice } from "@attnkit/tfjs/webgpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";

let backend: TfjsBackend;
let gpu: WebgpuDevice;

beforeAll(async () => {
  gpu = await webgpuDevice({ webgpu: await import("webgpu"), flags: ["backend=null"] });
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new WebGPUBackend(gpu.device, gpu.info));
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  await tf.setBackend("webgpu");
  backend = tfjs({ tf });
});

afterAll(() => gpu.release());

const attend = () => attention(softmax(), backend, { causal: true, kernels: "require" });
const whole = 4 * 8 * 4096 * 64; // bytes of one of q, k, v and y
/** q, k and v as a dispatch of tfjs's leaves them: on the GPU. */
const inputs = (L: number) => [1, 2, 3].map((x) => tf.mul(x, tf.ones([1, 8, L, 64]))) as [Tensor, Tensor, Tensor];

test("softmax prefill at L = 4096, H = 8, d = 64: one dispatch, and no more memory than q, k, v and y", async () => {
  const [q, k, v] = inputs(4096);
  const { dispatches, bytes } = (await gpuUse(backend as never, () => attend()({ q, k, v })))!;
  expect(dispatches).toBe(1);
  expect((bytes + 3 * whole) / (4 * whole)).toBeLessThan(1.01);
});

test("the program's matrix of scores would show, at a quarter of the length", async () => {
  const [q, k, v] = inputs(1024);
  const plain = attention(softmax(), backend, { causal: true, kernels: "never" });
  const { bytes } = (await gpuUse(backend as never, () => plain({ q, k, v })))!;
  expect(bytes).toBeGreaterThan(4 * 8 * 1024 * 1024);
});

test("its gradient takes no matrix of scores either", async () => {
  const xs = inputs(4096);
  const { ops } = backend;
  const loss = (q: Tensor, k: Tensor, v: Tensor) => {
    const y = ops.reshape(attend().sync({ q, k, v }).y, [-1]);
    return ops.reshape(ops.sum(y, 0), []);
  };
  const { bytes } = (await gpuUse(backend as never, async () => tf.grads(loss)(xs)))!;
  expect(bytes / whole).toBeLessThan(8); // y, dy, dq, dk, dv, and copies that tfjs's tape makes
});
