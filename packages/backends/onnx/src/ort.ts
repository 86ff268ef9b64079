import type * as ORT from "onnxruntime-common";

/** What is used of onnxruntime-node or onnxruntime-web. */
export type Ort = Pick<typeof ORT, "InferenceSession" | "Tensor" | "env">;

/** Where ONNX Runtime leaves the outputs of a session. */
export type OutputLocation = NonNullable<ORT.InferenceSession.SessionOptions["preferredOutputLocation"]>;
