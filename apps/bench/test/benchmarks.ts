/** A record of the bench that was never measured, for tests of what is made from records. */
import { mechanisms } from "@attnkit/catalog";
import type { CellResult, Results } from "@attnkit/measure/results";
import { cpuRun } from "../src/commands/record-runs.ts";

const cost = { ops: 5, flops: 1e6, bytes: 1e5, largest: 4096 };
const taken = (median: number, readable = true) => ({
  ...{ calls: 1, samples: [median, median, median], median, q1: median, q3: median, cost, gpu: null },
  interval: { low: 0.9 * median, high: (readable ? 1.1 : 1.5) * median, readable },
});

/** Results of all mechanisms on one backend. The 512 tokens of softmax are noisy. */
export function madeResults(): Results {
  const cells = mechanisms.map(
    ({ name }, i): CellResult => ({
      ...{ id: `${name} on cpu float32`, mechanism: name, backend: "cpu", device: "a device", dtype: "float32" },
      ...{ baseline: null, options: {}, threads: null, adapter: null, status: "ok" as const, checks: [] },
      prefill: [256, 512].map((length) => ({
        ...{ length, work: 5e5, ...taken(0.001 * (i + 1), name !== "softmax" || length === 256) },
      })),
      decode: [256, 1024].map((context) => ({ context, stateBytes: 1000 * (i + 1), ...taken(1e-5) })),
      memory: [256, 512].map((length) => ({
        length,
        before: 5e7,
        peak: 7e7,
        growth: 2 ** 24,
        floor: 1e5,
        resolved: true,
      })),
      growth: { prefill: { exponent: 1.02, error: 0.03, from: 256, to: 512, points: 3 }, decode: null, memory: null },
    }),
  );
  return {
    ...{ schema: "attnkit-bench/4", complete: true },
    ...{ started: "2026-01-02T03:04:05.678Z", finished: "2026-01-02T03:05:05.678Z" },
    environment: {
      ...{ cpu: "Made 3000", cores: 2, memory: 2 ** 33, platform: "linux", arch: "x64" },
      ...{ node: "20.19.0", v8: "11", packages: {}, commit: "0123456" },
    },
    options: cpuRun(false),
    input: {
      ...{ source: "a text", sha256: "0" },
      shapes: { q: [1, 2, 512, 32], k: [1, 2, 512, 32], v: [1, 2, 512, 32] },
      ...{ q: { largest: 1, deviation: 1 }, k: { largest: 1, deviation: 1 }, v: { largest: 1, deviation: 1 } },
    },
    plan: {
      items: [],
      leftOut: [{ cell: cells[0]!.id, what: "prefill", size: 16384, seconds: 99, reason: "beyond the time budget" }],
    },
    unavailable: [],
    cells,
    ratios: [],
  };
}
