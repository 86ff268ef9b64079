import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { vi } from "vitest";
import { overlapTests } from "./overlap.ts";

// Sessions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });
web.env.wasm.numThreads = 1;

overlapTests("ort-cpu", { ort: node }, 24);
overlapTests("ort-cpu in float64", { ort: node, dtype: "float64" }, 12);
overlapTests("ort-wasm in Node", { ort: web }, 24);
