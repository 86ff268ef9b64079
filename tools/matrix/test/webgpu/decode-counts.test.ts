/**
 * Dispatches and submits of a decode step of `@attnkit/webgpu`: on a device that binds 8 buffers, which every device does,
 * and on one with the limits of the adapter. A step that reads a wrong entry of the state gives a wrong y.
 */

import { creator, mechanisms } from "@attnkit/catalog";
import { attention, type Block, type Options } from "@attnkit/core";
import { allowance, type HostBlock, oracle, random } from "@attnkit/core/conformance";
import { type Meter, meter } from "@attnkit/measure/gpu-meter";
import { type GpuTensor, type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { create } from "webgpu";
import { useAdapter } from "../../../catalog/src/dawn.ts";
import { drawn, type Wanted } from "./quadratic.ts";

// A software adapter compiles a kernel in seconds.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Mechanisms whose state has the same size after every token. */
const table: readonly (readonly [name: string, options: Options])[] = [
  ["linear", {}],
  ["linear", { normalize: false }],
  ["logsumexp", {}],
  ["polynomial", { form: "linear" }],
  ["elementwise", {}],
];
/** Dispatches of a step by the number of buffers that the device binds: plain, then with key mask, lse and fewer outputs. */
const calls = [
  { keyMask: false, lse: false },
  { keyMask: true, lse: true },
  { keyMask: true, lse: true, state: false },
] as const;

let gpu: GPU;

beforeAll(() => {
  useAdapter();
  gpu = create(["enable-dawn-features=disable_workgroup_init"]); // zeroing takes the software driver seconds per kernel
});

describe.each([8, 16])("a device that binds up to %d buffers", (most) => {
  let backend: WebgpuBackend;
  let used: Meter;
  const errors: string[] = [];

  beforeAll(async () => {
    const adapter = (await gpu.requestAdapter())!;
    const buffers = Math.min(most, adapter.limits.maxStorageBuffersPerShaderStage);
    const device = await adapter.requestDevice({ requiredLimits: { maxStorageBuffersPerShaderStage: buffers } });
    device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
    used = meter(device);
    backend = webgpu({ device });
  });

  afterAll(() => {
    backend.dispose();
    backend.gpuDevice.destroy();
  });

  const up = (x: { data: Float64Array | Uint8Array; shape: readonly number[] } | undefined) =>
    x && backend.upload(x.data, x.shape);
  const uploaded = ({ q, k, v, keyMask }: HostBlock) =>
    ({ q: up(q), k: up(k), v: up(v), ...(keyMask && { keyMask: up(keyMask) }) }) as Block<GpuTensor>;

  test.each(table.flatMap(([name, options]) => calls.map((call) => [name, options, call] as const)))(
    "%s %o %o: one submit, at most two dispatches, and no tensor but the results",
    async (name, options, { keyMask, ...call }) => {
      const entry = mechanisms.find((m) => m.name === name)!;
      const lse = call.lse && entry.create(options).takes?.lse === true;
      const mechanism = (await creator(entry, backend))(options);
      const how = { causal: true, kernels: "require" } as const;
      const rng = random(name);
      const wanted: Wanted = { L: 5, causal: true, Hq: 4, Hkv: 2, d: 8, dv: 8, past: 0, keyMask, lse };
      const before = drawn(rng, wanted).own;
      const token = drawn(rng, { ...wanted, L: 1 }).own;
      const { state } = await attention(mechanism, backend, how)(uploaded(before));
      const step = attention(mechanism, backend, { ...how, ...call, lse });
      const block = uploaded(token);
      const old = backend.memory().bytes - backend.memory().idleBytes;
      used.reset();
      const result = await step({ ...block, state });
      expect(used.submits).toBe(1);
      console.log(most, name, options, keyMask, call, used.dispatches);
      expect(used.dispatches).toBeLessThanOrEqual(2);
      const expected = oracle(entry.reference(options), { block: token, causal: true, past: [before] });
      const { data } = expected.scale;
      const y = await backend.download(result.y);
      y.forEach((x, i) => {
        expect(Math.abs(x - expected.y.data[i]!)).toBeLessThanOrEqual(allowance("float32", expected.terms, data[i]!));
      });
      expect(errors).toEqual([]);
    },
  );
});
