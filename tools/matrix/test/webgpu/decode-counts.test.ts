/**
 * Dispatches and submits of a decode step of `@attnkit/webgpu`: on a device that binds 8 buffers, which every device does,
 * and on one that
 * binds as many as its adapter can. Results and states are compared with the portable program.
 */

import { creator, mechanisms } from "@attnkit/catalog";
import { attention, type Backend, type Block, type Options } from "@attnkit/core";
import { namesOfResult } from "@attnkit/core/backend";
import { type HostBlock, random } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { type Meter, meter } from "@attnkit/measure/gpu-meter";
import { type WebgpuBackend, webgpu } from "@attnkit/webgpu";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { create } from "webgpu";
import { useAdapter } from "../../../catalog/src/dawn.ts";
import { drawn, type Wanted } from "./quadratic.ts";

// A software adapter compiles a kernel in seconds.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Mechanisms whose state has the same size after every token, and the dispatches of the calls below if 8 buffers are bound. */
const table: readonly (readonly [name: string, options: Options, dispatches: readonly number[]])[] = [
  ["linear", {}, [1, 2, 1]],
  ["logsumexp", {}, [2, 2, 2]],
  ["polynomial", { form: "linear" }, [1, 2, 1]],
  ["elementwise", {}, [2, 2, 2]],
];
const calls = [
  { keyMask: false, lse: false, state: true },
  { keyMask: true, lse: true, state: true },
  { keyMask: true, lse: true, state: false },
] as const;

let gpu: GPU;

beforeAll(() => {
  useAdapter();
  gpu = create(["enable-dawn-features=disable_workgroup_init"]); // zeroing takes the software driver seconds per kernel
});

describe.each(["least", "most"])("a device that binds the %s buffers", (which) => {
  let backend: WebgpuBackend;
  let used: Meter;
  const errors: string[] = [];
  const buffers = () => backend.gpuDevice.limits.maxStorageBuffersPerShaderStage;

  beforeAll(async () => {
    const adapter = (await gpu.requestAdapter())!;
    const { maxStorageBuffersPerShaderStage } = adapter.limits;
    expect(maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(12); // otherwise the second device tests nothing new
    const device = await adapter.requestDevice(
      which === "most" ? { requiredLimits: { maxStorageBuffersPerShaderStage } } : {},
    );
    device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
    used = meter(device);
    backend = webgpu({ device });
  });

  afterAll(() => {
    backend.dispose();
    backend.gpuDevice.destroy();
  });

  const uploaded = <T>(on: Backend<T>, { q, k, v, keyMask }: HostBlock): Block<T> => {
    const up = (x: { data: Float64Array | Uint8Array; shape: readonly number[] }) => on.upload(x.data, x.shape);
    return { q: up(q), k: up(k), v: up(v), ...(keyMask && { keyMask: up(keyMask) }) };
  };

  test.each(table.flatMap(([name, ...row]) => calls.map((call, i) => [name, call, row[0], row[1][i]!] as const)))(
    "%s %o: one submit, at most two dispatches, and the results alone are left",
    async (name, { keyMask, ...call }, options, dispatches) => {
      const entry = mechanisms.find((m) => m.name === name)!;
      const mechanism = (await creator(entry, backend))(options);
      const lse = call.lse && mechanism.takes?.lse === true;
      const rng = random(name);
      const wanted: Wanted = { L: 1, causal: true, Hq: 4, Hkv: 2, d: 8, dv: 8, keyMask, lse };
      const [first, second] = [drawn(rng, { ...wanted, keyMask: false }).own, drawn(rng, wanted).own];
      const step = async <T>(on: Backend<T>, kernels: "require" | "never") => {
        const { state } = await attention(mechanism, on, { causal: true, kernels })(uploaded(on, first));
        const block = { ...uploaded(on, second), state };
        const attend = attention(mechanism, on, { causal: true, kernels, ...call, lse });
        return () => attend(block);
      };
      const here = cpu();
      const expected = namesOfResult(await (await step(here, "never"))());
      const token = await step(backend, "require");
      const held = () => backend.memory().bytes - backend.memory().idleBytes;
      const before = held();
      used.reset();
      const got = namesOfResult(await token());
      expect(used.submits).toBe(1);
      expect(used.dispatches).toBe(buffers() > 8 ? 1 : dispatches);
      expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
      for (const [key, x] of Object.entries(got)) {
        const values = await backend.download(x);
        const right = await here.download(expected[key]!);
        values.forEach((value, i) => {
          const close = value === right[i]! || Math.abs(value - right[i]!) <= 1e-5 * Math.max(1, Math.abs(right[i]!));
          if (!close) expect.fail(`${key}[${i}] is ${value}, expected ${right[i]}`);
        });
        backend.free(x);
      }
      expect(held()).toBe(before);
      expect(errors).toEqual([]);
    },
  );
});
