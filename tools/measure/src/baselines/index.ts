import { ortRuntime } from "@attnkit/catalog";
import type { BaselineEntry } from "./baseline.ts";
import { jaxBaselines } from "./jax.ts";
import { ortBaselines, ortDecode } from "./ort.ts";
import { tfjsBaselines } from "./tfjs.ts";

export type { Baseline, BaselineEntry, BaselineHow, BaselineSizes } from "./baseline.ts";

export { matrices, productError, sideOf } from "./matmul.ts";

/** ONNX Runtime's attention of one query on WebGPU, beside which decoding is timed. */
export const decodeBaseline: BaselineEntry = ortDecode("ort-webgpu", () => ortRuntime("webgpu"));

/** The baselines that mechanisms are timed against, for every backend. */
export const baselines: readonly BaselineEntry[] = [
  ...(["cpu", "wasm", "webgpu"] as const).flatMap(tfjsBaselines),
  ...jaxBaselines,
  ...(["cpu", "wasm", "webgpu"] as const).flatMap((p) =>
    ortBaselines(`ort-${p}`, (threads) => ortRuntime(p, p === "webgpu" ? undefined : threads)),
  ),
];
