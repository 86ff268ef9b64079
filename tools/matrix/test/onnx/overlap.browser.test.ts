import { linear } from "@attnkit/linear";
import * as wasm from "onnxruntime-web/wasm";
import * as webgpu from "onnxruntime-web/webgpu";
import { vi } from "vitest";
import { overlapTests } from "./overlap.ts";

// A software adapter that shares two cores with other files.
vi.setConfig({ testTimeout: 60_000 });
for (const { env } of [wasm, webgpu]) env.wasm.numThreads = 1;

overlapTests("ort-wasm in the browser", { ort: wasm }, 12);
// Outputs stay on the GPU, and each is freed while other calls run.
overlapTests("ort-webgpu in the browser", { ort: webgpu, executionProviders: ["webgpu"] }, 8, [linear()]);
