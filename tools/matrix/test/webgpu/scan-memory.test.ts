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

test.each([["linear", {}], ["logsumexp", {}], ["polynomial", { form: "linear" }], ["linear", {featureMap: "taylor2"}], ["elementwise", {}]] as const)("%s %o", async (name, options) => {
  for (const state of [true, false]) {
  const a = await prefill(name, options, 4096, state);
  console.log(name, options, state, a.dispatches, a.bytes / bytesOf(4096), a.bound.map((b) => b / bytesOf(4096)));
  }
});
