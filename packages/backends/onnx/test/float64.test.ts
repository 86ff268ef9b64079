import { conformance } from "@attnkit/core/conformance";
import { onnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-node";
import { describe, test } from "vitest";

/** float32, with every mechanism, runs in the catalog's tests. */
describe("the operations in float64", () => {
  const sessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1 };
  conformance({ describe, test }, { backend: () => onnx({ ort, dtype: "float64", sessionOptions }), mechanisms: [] });
});
