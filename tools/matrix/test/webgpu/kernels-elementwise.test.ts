import type { State } from "@attnkit/core";
import { gpuUse } from "@attnkit/measure/gpu-meter";
import type { Tensor } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test, vi } from "vitest";
import { kernelLaws, subjects } from "./kernel-laws.ts";

vi.setConfig({ testTimeout: 60_000 });

kernelLaws(
  "elementwise",
  [
    { dims: { L: 1, S: 1 }, causal: true },
    { dims: { L: 1, S: 1 }, causal: true, past: 5, keyMask: true, lse: true, gradients: true },
    { dims: { L: 16, S: 16 }, causal: true, lse: true },
    { dims: { L: 33, S: 33, d: 5 }, causal: true, past: 7, keyMask: true, lse: true },
    { dims: { L: 129, S: 129 }, causal: true, past: 3, lse: true },
    { dims: { L: 700, S: 700, B: 1, Hq: 2, Hkv: 1, d: 3 }, causal: true, past: 2, keyMask: true },
    { dims: { L: 200, S: 65 }, causal: "end", keyMask: true },
    { dims: { L: 31, S: 127 }, causal: "end", past: 2, keyMask: true },
    { dims: { L: 17, S: 15 }, causal: false, lse: true },
    { dims: { L: 63, S: 150 }, causal: false, past: 4, keyMask: true, lse: true },
    { options: { order: 2 }, dims: { L: 9, S: 9, Hkv: 4 }, causal: true, gradients: true },
    { options: { order: 12 }, dims: { L: 20, S: 20, Hkv: 1 }, causal: true, past: 1 },
  ],
  [
    [
      { options: { order: "exact" }, dims: { L: 3, S: 3 }, causal: true },
      /order "exact".*only the series has a kernel/,
    ],
    [{ dims: { L: 3, S: 0 }, causal: false }, /k \[2, 2, 0, 8\] has no elements/],
  ],
);

test("one token is at most two dispatches, any number of tokens three", async () => {
  const of = async (L: number, past: number) => {
    const { backend, fast, block } = await subjects("elementwise", { dims: { L, S: L }, causal: true, past });
    return (await gpuUse(backend as never, async () => tf.dispose({ ...(await fast(block)) })))!.dispatches;
  };
  expect(Math.max(await of(1, 0), await of(1, 9))).toBeLessThanOrEqual(2);
  expect([await of(2, 0), await of(300, 4)]).toEqual([3, 3]);
});

test("1000 steps of decode leave one state, here and on the GPU", async () => {
  const { fast, block } = await subjects("elementwise", { dims: { L: 1, S: 1 }, causal: true, past: 1 });
  const bytes = () => tf.memory() as tf.MemoryInfo & { numBytesInGPU: number; numBytesAllocatedInGPU: number };
  let state = block.state as State<Tensor>;
  const step = async () => {
    const next = await fast({ ...block, state });
    tf.dispose([next.y, ...Object.values(state)] as Tensor[]);
    state = next.state;
  };
  for (let n = 0; n < 50; n++) await step();
  await state.mu!.data();
  const before = bytes();
  for (let n = 0; n < 950; n++) await step();
  await state.mu!.data();
  expect(bytes()).toEqual(before);
});
