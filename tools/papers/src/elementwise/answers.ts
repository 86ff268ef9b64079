import type { Mechanism, Result } from "@attnkit/core";
import { cpu, type NdArray } from "@attnkit/cpu";

/** Row-major values of one head. */
export interface OneHead {
  /** `[queries, channels]` */
  readonly q: Float64Array;
  /** `[keys, channels]` each */
  readonly k: Float64Array;
  readonly v: Float64Array;
  readonly channels: number;
}

/** Runs a mechanism on one head in float64, every query with every key, and returns y and lse, `[queries, channels]`. */
export function answers(mechanism: Mechanism, { q, k, v, channels }: OneHead): { y: Float64Array; lse: Float64Array } {
  const backend = cpu({ dtype: "float64" });
  const up = (x: Float64Array): NdArray => backend.upload(x, [1, 1, x.length / channels, channels]);
  const block = { q: up(q), k: up(k), v: up(v) };
  const found: Result<NdArray> = mechanism.forward(backend.ops, block, { causal: false, lse: true, state: false });
  return { y: Float64Array.from(found.y.data), lse: Float64Array.from(found.lse!.data) };
}
