/** Tensors of tfjs and of `@attnkit/webgpu` in each other's operations, on one device, without a download. */
import { backends } from "@attnkit/catalog";
import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { linear } from "@attnkit/linear/webgpu";
import type { TfjsBackend } from "@attnkit/tfjs";
import { type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { hostOf } from "@attnkit/wgsl";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test, vi } from "vitest";

// A software adapter that shares two cores with other files, and compiles slowly.
vi.setConfig({ testTimeout: 60_000 });

let backend: WebgpuBackend;

beforeAll(async () => {
  const host = hostOf((await backends.find((b) => b.name === "tfjs-webgpu")!.create()) as TfjsBackend);
  if (typeof host === "string") throw new Error(host);
  backend = webgpu({ device: host.device });
});

test("tfjs computes q, attnkit attends, and tfjs goes on with its output", async () => {
  const shape = [1, 2, 5, 4];
  const values = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
  const downloads = vi.spyOn(backend, "download");

  const doubled = tf.mul(tf.tensor(values, shape), 2);
  const data = doubled.dataToGPU();
  const q = backend.wrap(data.buffer as GPUBuffer, shape);
  const { y } = await attention(linear(), backend, { causal: true })({ q, k: q, v: q });
  // tfjs takes the buffer over without a copy.
  const back = tf.tensor({ buffer: y.buffer as never, zeroCopy: true }, shape, "float32");
  const got = await tf.add(back, 1).data();

  expect(downloads).not.toHaveBeenCalled();
  const plain = cpu();
  const x = plain.upload(
    values.map((v) => 2 * v),
    shape,
  );
  const right = await plain.download((await attention(linear(), plain, { causal: true })({ q: x, k: x, v: x })).y);
  for (const [i, e] of right.entries()) expect(got[i]).toBeCloseTo(e + 1, 4);
  data.tensorRef.dispose();
});
