import { conformance } from "@attnkit/core/conformance";
import { onnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-node";
import { describe, vi } from "vitest";
import { rows } from "../rows.ts";
import { runnerOf } from "../runner.ts";

// Sessions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

// The first case of every law: cpu runs every case of every option set, and ort-cpu every case of the first.
/** Making a session is most of the time, and rewriting its graph much of that: the default variants test the rewriting. */
const sessionOptions = { graphOptimizationLevel: "basic", intraOpNumThreads: 1, interOpNumThreads: 1 } as const;
const others = await rows({ kind: "onnx" }, "rest");
const names = new Set(others.map((row) => row.mechanism.name));

describe("ort-cpu in float32", () => {
  for (const name of names) {
    const mechanisms = others.filter((row) => row.mechanism.name === name);
    conformance(
      runnerOf(import.meta.url),
      { backend: () => onnx({ ort, sessionOptions }), mechanisms },
      { mechanism: name, case: 0 },
    );
  }
});
