import type { BenchOptions } from "@attnkit/measure/results";
import type { Preset } from "./bench-flags.ts";

/** MiB. A score matrix of 8192 x 8192 float32 numbers takes 256 MiB. */
export const LARGEST = 256;

const LENGTHS = [256, 512, 1024, 2048, 4096, 8192, 16384];
const CONTEXTS = [256, 1024, 4096, 16384];

/** Takes under 4 minutes on two cores, checks and pilot timings included. */
export const FULL: Preset = { lengths: LENGTHS, contexts: CONTEXTS, budget: 125, rounds: 15, memory: 3 };

/** Takes under a minute on two slow cores, checks and pilot timings included. */
export const QUICK: Preset = {
  lengths: LENGTHS.slice(0, 5),
  contexts: CONTEXTS.slice(0, 3),
  budget: 13,
  rounds: 7,
  memory: 1,
};

/** With --against. Each cell takes about a minute on an idle machine. */
export const AGAINST: Preset = { lengths: [256, 1024, 4096], contexts: [256, 4096], budget: 900, rounds: 0, memory: 0 };

/** The options of `attnkit bench` without flags. */
export const DEFAULTS: BenchOptions = {
  ...{ mechanism: null, backend: null, dtype: null, heads: 2, kvHeads: 2, dim: 32, seed: 1 },
  ...{ kernels: "prefer", baselines: true, largest: LARGEST * 2 ** 20, threads: 1, text: null, tensors: null },
  ...FULL,
};
