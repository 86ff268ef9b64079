import * as wasm from "onnxruntime-web/wasm";
import { vi } from "vitest";
import { overlapTests } from "./onnx-overlap.ts";

vi.setConfig({ testTimeout: 60_000 });
wasm.env.wasm.numThreads = 1;

overlapTests("ort-wasm in the browser", { ort: wasm }, 12);
