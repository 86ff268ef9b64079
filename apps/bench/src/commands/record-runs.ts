import { backends } from "@attnkit/catalog";
import type { BenchOptions } from "@attnkit/measure/results";
import { DEFAULTS } from "./bench-defaults.ts";

/** One of the benchmarks of a record. */
export interface RecordRun {
  readonly name: string;
  readonly says: string;
  readonly options: BenchOptions;
}

const common = {
  ...{ dtype: null, heads: 8, kvHeads: 8, dim: 64, seed: 1, rounds: 11, budget: 180, kernels: "prefer" as const },
  ...{ baselines: true, largest: 2 ** 32, memory: 0, threads: 1, text: null, tensors: null },
};
const tiny = { heads: 2, kvHeads: 2, dim: 16, rounds: 3, budget: 60 };

/**
 * Returns the benchmarks of a GPU record. With `smoke`, their sizes are so small that a software adapter needs only
 * seconds.
 */
export function gpuRuns(smoke: boolean): RecordRun[] {
  const sizes = smoke ? { ...common, ...tiny } : common;
  const every = ["tfjs-webgpu", "ort-webgpu"].filter((name) => backends.some((b) => b.name === name)).join(",");
  const run = (name: string, says: string, own: Partial<BenchOptions>): RecordRun => ({
    name,
    says,
    options: { ...sizes, mechanism: null, backend: "tfjs-webgpu", lengths: [], contexts: [], ...own },
  });
  return [
    run("softmax", "softmax prefill beside plain tfjs, ONNX Runtime's operators and a matrix product", {
      ...{ mechanism: "softmax", backend: every, lengths: smoke ? [16] : [2048, 4096, 8192] },
    }),
    run("linear-time", "mechanisms of linear time beside softmax attention", {
      ...{ mechanism: "softmax,linear,logsumexp,elementwise", lengths: [16384] },
      ...(smoke && { mechanism: "softmax,elementwise", lengths: [16], baselines: false }),
    }),
    run("decode", "one token after a context: time, dispatches, state", {
      ...{ baselines: false, lengths: [16], contexts: smoke ? [16] : [1024, 4096, 16384] },
      ...(smoke && { mechanism: "linear" }),
    }),
  ];
}

/**
 * The benchmark of a record of the processor: the default run, whose results are `cpu.json`. With `smoke`, it takes
 * seconds.
 */
export const cpuRun = (smoke: boolean): BenchOptions =>
  smoke
    ? { ...DEFAULTS, ...tiny, backend: "cpu", lengths: [16, 32], contexts: [16, 32], baselines: false, memory: 0 }
    : DEFAULTS;
