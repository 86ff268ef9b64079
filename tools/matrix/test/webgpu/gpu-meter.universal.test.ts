import { backends } from "@attnkit/catalog";
import { cpu } from "@attnkit/cpu";
import { gpuUse, type Meter, meter } from "@attnkit/measure/gpu-meter";
import type { Tensor, TfjsBackend } from "@attnkit/tfjs";
import { hostOf } from "@attnkit/wgsl";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";

let backend: TfjsBackend;
let device: GPUDevice;
let used: Meter;

beforeAll(async () => {
  backend = (await backends.find((b) => b.name === "tfjs-webgpu")!.create()) as TfjsBackend;
  const gpu = hostOf(backend);
  if (typeof gpu === "string") throw new Error(gpu);
  device = gpu.device;
  used = meter(device);
});

const STORAGE = 0x80; // GPUBufferUsage.STORAGE, a global that Node lacks

describe("a device", () => {
  test("bytes rise with every buffer and fall when it is destroyed, once", () => {
    used.reset();
    const start = used.bytes;
    const [a, b] = [64, 256].map((size) => device.createBuffer({ size, usage: STORAGE }));
    expect(used.bytes - start).toBe(320);
    b!.destroy();
    b!.destroy();
    expect([used.bytes - start, used.peakBytes - start]).toEqual([64, 320]);
    used.reset();
    expect(used.peakBytes - start).toBe(64);
    a!.destroy();
    expect(used.bytes).toBe(start);
  });

  test("every dispatch of every pass counts, indirect ones as well", () => {
    const code = "@compute @workgroup_size(1) fn main() {}";
    const compute = { module: device.createShaderModule({ code }) };
    const pipeline = device.createComputePipeline({ layout: "auto", compute });
    const counts = device.createBuffer({ size: 12, usage: 0x100 }); // GPUBufferUsage.INDIRECT
    used.reset();
    const encoder = device.createCommandEncoder();
    for (const n of [1, 2]) {
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      for (let i = 0; i < n; i++) pass.dispatchWorkgroups(1);
      pass.dispatchWorkgroupsIndirect(counts, 0);
      pass.end();
    }
    device.queue.submit([encoder.finish()]);
    expect(used.dispatches).toBe(5);
    counts.destroy();
  });

  test("is metered once, however often its meter is asked for", () => {
    expect(meter(device)).toBe(used);
  });
});

describe("one call", () => {
  /** 32 KiB each. */
  const inputs = async (): Promise<Tensor[]> => {
    const made = [1, 2].map((x) => tf.fill([64, 128], x));
    await Promise.all(made.map((x) => x.data()));
    return made;
  };

  test("tfjs's own operations: dispatches, and the bytes of scratch memory and result", async () => {
    const [a, b] = await inputs();
    // Product 16 KiB, its double 16 KiB, the result 256 bytes; and uniforms, which are tens of bytes each.
    const call = async () => tf.tidy(() => tf.sum(tf.mul(tf.matMul(a!, b!, false, true), 2), 1));
    await call(); // compiles
    const first = await gpuUse(backend, call);
    expect(first!.dispatches).toBe(3);
    expect(first!.bytes).toBeGreaterThanOrEqual(2 * 2 ** 14 + 256);
    expect(first!.bytes).toBeLessThan(2 * 2 ** 14 + 256 + 1024);
    expect(await gpuUse(backend, call)).toEqual(first); // although tfjs would have recycled the buffers
  });

  test("emptying tfjs's pool leaves its tensors and its books right", async () => {
    const [a] = await inputs();
    tf.square(a!).dispose();
    await gpuUse(backend, async () => {});
    const { numBytesInGPU, numBytesAllocatedInGPU } = tf.memory() as tf.MemoryInfo & Record<string, number>;
    expect(numBytesAllocatedInGPU).toBe(numBytesInGPU);
    expect((await tf.square(a!).data())[0]).toBe(1);
  });

  test("a backend without a GPU has none", async () => {
    expect(await gpuUse(cpu(), async () => {})).toBeUndefined();
  });
});
