import { mechanisms } from "@attnkit/catalog";
import { conformance, type Row } from "@attnkit/core/conformance";
import { onnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-node";
import { describe, test, vi } from "vitest";

// Sessions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** Making a session is most of the time, and rewriting its graph much of that: the default variants test the rewriting. */
const sessionOptions = { graphOptimizationLevel: "basic", intraOpNumThreads: 1, interOpNumThreads: 1 } as const;

describe("ort-cpu in float32", () => {
  for (const { name, create, reference, variants } of mechanisms) {
    const rows: readonly Row[] = variants
      .slice(1)
      .map((options) => ({ mechanism: create(options), reference: reference(options) }));
    conformance(
      { describe, test },
      { backend: () => onnx({ ort, sessionOptions }), mechanisms: rows },
      { mechanism: name },
    );
  }
});
