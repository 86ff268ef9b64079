import type { BenchOptions } from "@attnkit/measure/results";
import { DEFAULTS } from "./bench-defaults.ts";

const tiny = { heads: 2, kvHeads: 2, dim: 16, rounds: 3, budget: 60 };

/**
 * The benchmark of a record of the processor: the default run, whose results are `cpu.json`. With `smoke`, it takes
 * seconds.
 */
export const cpuRun = (smoke: boolean): BenchOptions =>
  smoke
    ? { ...DEFAULTS, ...tiny, backend: "cpu", lengths: [16, 32], contexts: [16, 32], baselines: false, memory: 0 }
    : DEFAULTS;
