import { ortRuntime } from "@attnkit/catalog";
import { conformance, type Item } from "@attnkit/core/conformance";
import { onnx } from "@attnkit/onnx";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// Sessions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const mechanisms = await rows({ kind: "onnx" }, "first");
const { ort, options } = await ortRuntime("wasm");
/** The programs are those of `ort-cpu`, which runs every case. The kernels of the operations are another build's. */
const chosen = (item: Item) => item.mechanism === "ops" || item.case < 3;
/**
 * Making a session is most of the time, and rewriting its graph much of that. Chromium tests the rewriting, on the same
 * WebAssembly, and `ort-cpu` on every case.
 */
const sessionOptions = { ...options, graphOptimizationLevel: "basic" } as const;

describe("ort-wasm in float32", () => {
  const backend = () => onnx({ ort, executionProviders: ["wasm"], sessionOptions });
  conformance(runnerOf(import.meta.url), { backend, mechanisms }, chosen);
});
