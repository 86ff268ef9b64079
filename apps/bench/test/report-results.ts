/** Results of a made run, for the tests of the reports. */
import type { CellResult, Results } from "@attnkit/measure/results";

const cost = { ops: 5, flops: 1e6, bytes: 1e5, largest: 4096 };
const interval = { low: 0.01, high: 0.012, readable: true };
/** The times of every size. */
export const spread = {
  samples: [0.01, 0.011, 0.012],
  median: 0.011,
  q1: 0.0105,
  q3: 0.0115,
  calls: 1,
  cost,
  interval,
};
/** A cell of a run, with times that are all the same. */
export const cell = (id: string, more: Partial<CellResult> = {}): CellResult => ({
  id,
  mechanism: "linear",
  options: {},
  backend: "cpu",
  device: "a device",
  threads: null,
  baseline: null,
  adapter: null,
  dtype: "float32",
  status: "ok",
  checks: [{ what: "oracle", size: 129, rows: 129, used: 0.02, passed: true }],
  prefill: [256, 512, 8192].map((length) => ({ length, ...spread, work: 5e5, gpu: null })),
  decode: [256, 16384].map((context) => ({ context, stateBytes: 1000, ...spread, gpu: null })),
  memory: [{ length: 8192, before: 5e7, peak: 7e7, growth: 2e7, floor: 1e5, resolved: true }],
  growth: { prefill: { exponent: 1.02, error: 0.03, from: 256, to: 8192, points: 3 }, decode: null, memory: null },
  ...more,
});

/** A run with hostile names, a wrong cell and sizes that were left out. */
export const results: Results = {
  schema: "attnkit-bench/4",
  complete: true,
  started: "2026-01-02T03:04:05.678Z",
  finished: "2026-01-02T03:05:05.678Z",
  environment: {
    cpu: "A & B",
    cores: 2,
    memory: 2 ** 33,
    platform: "linux",
    arch: "x64",
    node: "20.19.0",
    v8: "11",
    packages: {},
    commit: "0123456789abcdef+changes",
  },
  options: {
    mechanism: null,
    backend: null,
    dtype: null,
    heads: 1,
    kvHeads: 1,
    dim: 8,
    lengths: [256],
    contexts: [256],
    seed: 1,
    rounds: 3,
    budget: 9,
    kernels: "prefer",
    baselines: true,
    largest: 2 ** 28,
    memory: 3,
    threads: 1,
    text: null,
    tensors: null,
  },
  input: {
    source: '<script src="https://example.org/x.js"></script>',
    sha256: "",
    shapes: { q: [1, 1, 9, 8], k: [1, 1, 9, 8], v: [1, 1, 9, 8] },
    q: { largest: 3, deviation: 1 },
    k: { largest: 3, deviation: 1 },
    v: { largest: 3, deviation: 1 },
  },
  plan: { items: [], leftOut: [{ cell: "softmax", what: "prefill", size: 16384, seconds: 99, reason: "time budget" }] },
  unavailable: [{ backend: "tpu", reason: "there is none" }],
  cells: [
    cell("linear on cpu"),
    cell("<b>odd</b>"),
    cell("broken", {
      status: "failed",
      reason: "row 3 is 1",
      prefill: [],
      decode: [],
      memory: [],
      growth: { prefill: null, decode: null, memory: null },
    }),
  ],
  ratios: [],
};
