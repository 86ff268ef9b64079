/** Kernels whose call keeps no state: the same outputs, without the dispatches and the buffers that only a state needs. */
import type { Attention } from "@attnkit/core";
import { type GpuUse, gpuUse } from "@attnkit/measure/gpu-meter";
import type { Tensor } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test, vi } from "vitest";
import { type KernelCall, kernelLaws, subjects } from "./kernel-laws.ts";

vi.setConfig({ testTimeout: 60_000 });

const state = false;
// One causal chunk, one after others, several chunks, one token, and rows that all see all keys.
const calls = (lse: boolean): readonly KernelCall[] => [
  { dims: { L: 33, S: 33, B: 1, Hq: 2 }, causal: true, lse, state, gradients: true },
  { dims: { L: 33, S: 33, B: 1, Hq: 2 }, causal: true, lse, state, past: 3, keyMask: true },
  { dims: { L: 129, S: 129, B: 1, Hq: 2 }, causal: true, lse, state },
  { dims: { L: 127, S: 33 }, causal: "end", lse, state, past: 2 },
  { dims: { L: 1, S: 1 }, causal: true, lse, state },
  { dims: { L: 1, S: 1 }, causal: true, lse, state, past: 5, keyMask: true },
  { dims: { L: 17, S: 15 }, causal: false, lse, state, keyMask: true },
  { dims: { L: 17, S: 300, B: 1, Hq: 2 }, causal: false, lse, state, past: 2 },
];

kernelLaws("linear", calls(true));
kernelLaws("logsumexp", calls(true));
kernelLaws("polynomial", [
  ...calls(false),
  { options: { power: 3, normalizer: 2, form: "linear" }, dims: { L: 33, S: 33, d: 5 }, causal: true, state, past: 2 },
]);
kernelLaws("elementwise", calls(true));

const one: KernelCall = { dims: { L: 40, S: 40 }, causal: true };
const token: KernelCall = { dims: { L: 1, S: 1 }, causal: true };
const many: KernelCall = { dims: { L: 300, S: 300 }, causal: true };
const all: KernelCall = { dims: { L: 40, S: 40 }, causal: false };

/** The GPU use of a call with its state and without it, after a first call that compiles and uploads. */
async function compared(name: string, call: KernelCall) {
  const used = async (more: Partial<KernelCall>): Promise<GpuUse & { readonly made: Record<string, Tensor> }> => {
    const { backend, fast, block } = await subjects(name, { ...call, ...more });
    const run = async () => ({ ...(await (fast as Attention<Tensor>)(block)) });
    const made = await run();
    const use = (await gpuUse(backend as never, async () => tf.dispose({ ...(await run()) })))!;
    return { ...use, made: { y: made.y, ...made.state } };
  };
  const [kept, alone] = [await used({}), await used({ state })];
  const bytes = ({ size }: Tensor) => 4 * size;
  const { y, ...entries } = kept.made;
  const stateBytes = Object.values(entries).reduce((sum, t) => sum + bytes(t), 0);
  return { kept, alone, outputs: bytes(y!), stateBytes, saved: kept.bytes - alone.bytes };
}

/** Uniform buffers of one dispatch. */
const UNIFORMS = 128;

describe("dispatches with a state and without, and the bytes that remain or are saved", () => {
  test.each([
    ["linear", "a token", token, 1, 1],
    ["linear", "a token after others", { ...token, past: 5 }, 1, 1],
    ["linear", "a chunk", one, 3, 1],
    ["logsumexp", "a token after others", { ...token, past: 5 }, 1, 1],
    ["logsumexp", "a chunk", one, 3, 1],
    ["polynomial", "a token", token, 1, 1],
    ["polynomial", "a token after others", { ...token, past: 5 }, 1, 1],
    ["polynomial", "a chunk", one, 3, 1],
    ["polynomial", "a chunk whose rows see all", all, 3, 1],
    ["elementwise", "a token", token, 1, 1],
    ["elementwise", "a chunk", one, 3, 1],
    ["elementwise", "a chunk whose rows see all", all, 2, 1],
  ] as const)("%s, %s: nothing is allocated but the outputs", async (name, _, call, before, after) => {
    const { kept, alone, outputs, stateBytes } = await compared(name, call);
    expect([kept.dispatches, alone.dispatches]).toEqual([before, after]);
    expect(kept.bytes).toBeGreaterThanOrEqual(outputs + stateBytes);
    expect(alone.bytes).toBeGreaterThan(outputs);
    expect(alone.bytes).toBeLessThanOrEqual(outputs + UNIFORMS);
  });

  test.each(["linear", "logsumexp", "polynomial", "elementwise"])(
    "%s: neither the sum of the last chunk nor the state after it",
    async (name) => {
      const continued = await compared(name, { ...one, past: 5 });
      expect([continued.kept.dispatches, continued.alone.dispatches]).toEqual([3, 2]);
      // Sums and states of chunks share a buffer.
      expect(continued.saved).toBeGreaterThanOrEqual(continued.stateBytes);
      const long = await compared(name, many);
      expect([long.kept.dispatches, long.alone.dispatches]).toEqual([3, 3]);
      expect(long.saved).toBeGreaterThanOrEqual(long.stateBytes);
    },
  );

  test.each(["linear", "logsumexp", "polynomial", "elementwise"])(
    "%s: rows that see all keys read their sum, and the state is not written beside it",
    async (name) => {
      const { kept, alone, saved, stateBytes } = await compared(name, { dims: { L: 40, S: 300 }, causal: false });
      expect([kept.dispatches, alone.dispatches]).toEqual([3, 3]);
      expect(saved).toBeGreaterThanOrEqual(stateBytes);
    },
  );

  test("softmax: the state is the cache, which the rows read", async () => {
    const { kept, alone, saved } = await compared("softmax", { ...one, past: 5 });
    expect([kept.dispatches, alone.dispatches, saved]).toEqual([2, 2, 0]);
  });
});
