import { ortRuntime } from "@attnkit/catalog";
import { conformance } from "@attnkit/core/conformance";
import { onnx } from "@attnkit/onnx";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// Sessions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const mechanisms = await rows({ kind: "onnx" }, "first");
const { ort, options } = await ortRuntime("wasm");
/**
 * Making a session is most of the time, and rewriting its graph much of that. Chromium tests the rewriting, on the same
 * WebAssembly, and `ort-cpu` on every case.
 */
const sessionOptions = { ...options, graphOptimizationLevel: "basic" } as const;

describe("ort-wasm in float32", () => {
  conformance(runnerOf(import.meta.url), {
    backend: () => onnx({ ort, executionProviders: ["wasm"], sessionOptions }),
    mechanisms,
  });
});
