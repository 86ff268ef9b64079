/** Mechanisms whose state is a matrix per head: lengths around tiles and chunks. */

import type { State } from "@attnkit/core";
import { featureMaps } from "@attnkit/linear";
import { gpuUse } from "@attnkit/measure/gpu-meter";
import type { Tensor } from "@attnkit/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test, vi } from "vitest";
import { type KernelCall, kernelLaws, subjects } from "./kernel-laws.ts";

vi.setConfig({ testTimeout: 60_000 });

// Few combinations of mask, causality and lse: each is a shader, and a software driver compiles one in seconds.
const common: readonly KernelCall[] = [
  { dims: { L: 1, S: 1, Hq: 12 }, causal: true },
  { dims: { L: 1, S: 1, d: 17, dv: 33 }, causal: true, past: 5, keyMask: true, lse: true },
  { dims: { L: 15, S: 15, B: 1, Hq: 2, d: 65 }, causal: true, lse: true },
  { dims: { L: 17, S: 17, B: 1 }, causal: true, past: 3, keyMask: true, lse: true, gradients: true },
  { dims: { L: 65, S: 65, B: 1, d: 5, dv: 66 }, causal: true, past: 7, keyMask: true, lse: true },
  { dims: { L: 129, S: 129, B: 1, Hq: 2 }, causal: true, past: 64, lse: true },
  { dims: { L: 127, S: 33 }, causal: "end", keyMask: true, lse: true },
  { dims: { L: 31, S: 128, B: 1 }, causal: "end", past: 2, keyMask: true, lse: true },
  { dims: { L: 32, S: 600, B: 1, Hq: 1, Hkv: 1 }, causal: false, past: 4, keyMask: true, lse: true },
];
const empty = [{ dims: { L: 3, S: 0 }, causal: false }, /k \[2, 2, 0, 8\] has no elements/] as const;
/** A map of one's own under a name of the package's. */
const featureMap = { ...featureMaps.elu1, map: featureMaps.relu.map };

kernelLaws(
  "linear",
  [
    ...common,
    {
      options: { featureMap: "identity", normalize: false, scale: 0.5 },
      dims: { L: 64, S: 64 },
      causal: true,
      past: 1,
    },
    { options: { featureMap: "taylor2", scale: 2 }, dims: { L: 33, S: 33, d: 9 }, causal: true, past: 1, lse: true },
    { options: { featureMap: "taylor2" }, dims: { L: 1, S: 1, d: 9 }, causal: true, past: 1, lse: true, keyMask: true },
  ],
  [empty, [{ options: { featureMap }, dims: { L: 3, S: 3 }, causal: true }, /feature map is not one of the package/]],
);

kernelLaws(
  "logsumexp",
  [
    ...common,
    { options: { logValues: true }, dims: { L: 33, S: 33 }, causal: true, past: 1, keyMask: true, lse: true },
  ],
  [empty],
);

kernelLaws(
  "polynomial",
  [
    { dims: { L: 1, S: 1, Hq: 12 }, causal: true, past: 3, keyMask: true },
    { dims: { L: 65, S: 65, B: 1, Hq: 2, Hkv: 1, dv: 66 }, causal: true, past: 7, keyMask: true, gradients: true },
    { dims: { L: 127, S: 33 }, causal: "end", keyMask: true },
    { dims: { L: 32, S: 300, B: 1, Hq: 2, Hkv: 1 }, causal: false, past: 4, keyMask: true },
    { options: { power: 1 }, dims: { L: 129, S: 129, B: 1 }, causal: true, past: 5, keyMask: true },
    { options: { coefficients: [1, 1, 0.5] }, dims: { L: 1, S: 1 }, causal: true },
    {
      options: { coefficients: [1, 0, -0.5, 0.25], normalizer: 9, form: "linear" },
      ...{ dims: { L: 33, S: 33, B: 1, d: 5 }, causal: true, past: 2 },
    },
  ],
  [[{ options: { power: 4, form: "linear" }, dims: { L: 3, S: 3 }, causal: true }, /degree 4 have no kernel/]],
);

test("integers are numbers", async () => {
  const { fast, block } = await subjects("linear", { dims: { L: 2, S: 2, B: 1, Hq: 1, Hkv: 1, d: 2 }, causal: false });
  const k = tf.tensor4d([1, -2, 3, 4], [1, 1, 2, 2], "int32");
  const [own, cast] = [await fast({ ...block, k }), await fast({ ...block, k: tf.cast(k, "float32") })];
  expect(await own.y.data()).toEqual(await cast.y.data());
});

const small = { B: 1, Hq: 1, Hkv: 1, d: 4 };

describe.each(["linear", "logsumexp", "polynomial"])("%s", (name) => {
  test("one token is at most two dispatches, any number of tokens three", async () => {
    const of = async (L: number, past: number, more: Partial<KernelCall> = {}) => {
      const { backend, fast, block } = await subjects(name, {
        ...{ dims: { ...small, L, S: L }, causal: true, past, lse: name !== "polynomial" },
        ...more,
      });
      return (await gpuUse(backend as never, async () => tf.dispose({ ...(await fast(block)) })))!.dispatches;
    };
    expect(await of(1, 0, { lse: false })).toBe(1);
    expect(await of(1, 9, { lse: false })).toBeLessThanOrEqual(2);
    expect(await of(1, 9, { keyMask: true })).toBeLessThanOrEqual(2);
    expect([await of(2, 0), await of(300, 4), await of(300, 0, { causal: false, keyMask: true })]).toEqual([3, 3, 3]);
  });

  test("1000 steps of decode leave one state, here and on the GPU", async () => {
    const { fast, block } = await subjects(name, { dims: { ...small, L: 1, S: 1 }, causal: true, past: 1 });
    const bytes = () => tf.memory() as tf.MemoryInfo & { numBytesInGPU: number; numBytesAllocatedInGPU: number };
    let state = block.state as State<Tensor>;
    const step = async () => {
      const next = await fast({ ...block, state });
      tf.dispose([next.y, ...Object.values(state)] as Tensor[]);
      state = next.state;
    };
    for (let n = 0; n < 50; n++) await step();
    await Object.values(state)[0]!.data();
    const before = bytes();
    for (let n = 0; n < 950; n++) await step();
    await Object.values(state)[0]!.data();
    expect(bytes()).toEqual(before);
  });
});
