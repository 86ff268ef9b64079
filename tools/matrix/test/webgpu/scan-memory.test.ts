/**
 * Memory of a long prefill in linear time, on Dawn's null device: it compiles, checks and counts everything and computes
 * nothing. A software adapter would take minutes.
 */

import { creator, mechanisms } from "@attnkit/catalog";
import { attention, type Options } from "@attnkit/core";
import { gpuUse } from "@attnkit/measure/gpu-meter";
import { type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { create } from "webgpu";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let gpu: GPU;
let backend: WebgpuBackend;
/** The bytes that each dispatch binds, parameters included. */
let bound: number[] = [];

beforeAll(async () => {
  gpu = create(["backend=null"]);
  const adapter = (await gpu.requestAdapter())!;
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  const device = await adapter.requestDevice({ requiredLimits: { maxStorageBufferBindingSize, maxBufferSize } });
  const createBindGroup = device.createBindGroup.bind(device);
  device.createBindGroup = (descriptor) => {
    const sizes = [...descriptor.entries].map(({ resource }) => (resource as GPUBufferBinding).size ?? 0);
    bound.push(sizes.reduce((a, b) => a + b, 0));
    return createBindGroup(descriptor);
  };
  backend = webgpu({ device });
});

afterAll(() => {
  backend.dispose();
  backend.gpuDevice.destroy();
});

const HEADS = 8;
const CHANNELS = 64;
const bytesOf = (L: number) => 4 * HEADS * L * CHANNELS;

async function prefill(name: string, options: Options, L: number, state: boolean) {
  const entry = mechanisms.find((m) => m.name === name)!;
  const attend = attention((await creator(entry, backend))(options), backend, {
    ...{ causal: true, kernels: "require", state },
  });
  const [q, k, v] = [1, 2, 3].map((x) =>
    backend.upload(new Float32Array(HEADS * L * CHANNELS).fill(x), [1, HEADS, L, CHANNELS]),
  );
  bound = [];
  const use = (await gpuUse(backend, async () => {
    const { y, state } = await attend({ q: q!, k: k!, v: v! });
    for (const x of [y, ...Object.values(state)]) backend.free(x);
  }))!;
  for (const x of [q!, k!, v!]) backend.free(x);
  return { ...use, bound };
}

/**
 * For each mechanism, a causal prefill that keeps its state: the peak of the bytes that are allocated for it, and the bytes that
 * its three dispatches bind. The unit is the size of one of q, k, v and y. Polynomial attention has 2145 features per state.
 */
const table: readonly (readonly [string, Options, peak: number, bound: readonly number[]])[] = [
  ["linear", {}, 2.3, [3.05, 1.1, 5.05]],
  ["logsumexp", {}, 2.3, [3.1, 1.1, 5.1]],
  ["linear", { featureMap: "taylor2" }, 6.4, [6.3, 4.9, 8.3]],
  ["polynomial", { form: "linear" }, 6.4, [6.2, 4.8, 8.2]],
  ["elementwise", {}, 1.3, [2.3, 0.26, 4.3]],
];

test.each(table)(
  "%s %o at L = 4096, H = 8, d = 64: three dispatches, little scratch",
  async (name, options, peak, sizes) => {
    const whole = bytesOf(4096);
    const long = await prefill(name, options, 4096, true);
    expect(long.dispatches).toBe(3);
    expect(long.bytes / whole).toBeLessThan(peak);
    expect(long.bound).toHaveLength(3);
    for (const [i, most] of sizes.entries()) expect(long.bound[i]! / whole).toBeLessThan(most);
    const stateless = await prefill(name, options, 4096, false);
    expect(stateless.dispatches).toBe(3);
    expect(stateless.bytes).toBeLessThan(long.bytes);
  },
);

test.each(table)("%s %o: four times the length takes four times the memory at most", async (name, options) => {
  const [short, long] = [await prefill(name, options, 1024, true), await prefill(name, options, 4096, true)];
  expect(long.bytes).toBeLessThan(4 * short.bytes);
});
