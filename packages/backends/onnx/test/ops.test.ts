import { conformance } from "@attnkit/core/conformance";
import { onnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-node";
import { describe, test } from "vitest";

const one = { intraOpNumThreads: 1, interOpNumThreads: 1 };

describe("the operations on onnxruntime-node", () => {
  conformance({ describe, test }, { backend: () => onnx({ ort, sessionOptions: one }), mechanisms: [] });
});

describe("the operations on onnxruntime-node in float64", () => {
  conformance({ describe, test }, { backend: () => onnx({ ort, dtype: "float64", sessionOptions: one }), mechanisms: [] });
});
