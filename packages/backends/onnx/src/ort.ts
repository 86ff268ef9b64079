import type * as ORT from "onnxruntime-common";

/** The part of onnxruntime-node or onnxruntime-web that the backend uses. */
export type Ort = Pick<typeof ORT, "InferenceSession" | "Tensor" | "env">;

/** The location of a session's outputs, as ONNX Runtime names it: `"cpu"`, `"gpu-buffer"` and others. */
export type OutputLocation = NonNullable<ORT.InferenceSession.SessionOptions["preferredOutputLocation"]>;
