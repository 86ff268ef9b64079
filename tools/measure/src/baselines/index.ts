import { ortRuntime } from "@attnkit/catalog";
import type { BaselineEntry } from "./baseline.ts";
import { jaxBaselines } from "./jax.ts";
import { ortBaselines } from "./ort.ts";
import { tfjsBaselines } from "./tfjs.ts";

export type { Baseline, BaselineEntry, BaselineSizes } from "./baseline.ts";

/** The baselines that mechanisms are timed against, for every backend. */
export const baselines: readonly BaselineEntry[] = [
  ...(["cpu", "wasm", "webgpu"] as const).flatMap(tfjsBaselines),
  ...jaxBaselines,
  ...(["cpu", "wasm", "webgpu"] as const).flatMap((p) =>
    ortBaselines(`ort-${p}`, (threads) => ortRuntime(p, p === "webgpu" ? undefined : threads)),
  ),
];
