import { gpuUse } from "@attnkit/measure/gpu-meter";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test, vi } from "vitest";
import { type KernelCall, subjects } from "./kernel-laws.ts";
vi.setConfig({ testTimeout: 60_000 });
const cases: (readonly [string, KernelCall])[] = [];
for (const name of ["linear","logsumexp","polynomial","elementwise","softmax"]) for (const c of [
 {dims:{L:1,S:1},causal:true},{dims:{L:1,S:1},causal:true,past:5},{dims:{L:40,S:40},causal:true},{dims:{L:40,S:40},causal:true,past:5},{dims:{L:300,S:300},causal:true},{dims:{L:40,S:40},causal:false},{dims:{L:40,S:300},causal:false}] as KernelCall[]) cases.push([name,c]);
test.each(cases)("%s %o", async (name, call) => {
  const use = async (state?: false) => {
    const { backend, fast, block } = await subjects(name, { ...call, ...(state === false && { state }) });
    const run = async () => tf.dispose({ ...(await fast(block)) } as never);
    await run();
    return gpuUse(backend as never, run);
  };
  const [a, b] = [await use(), await use(false)];
  console.log("CNT", name, JSON.stringify(call), JSON.stringify(a), JSON.stringify(b));
  expect(1).toBe(1);
});
