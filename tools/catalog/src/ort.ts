import type { Backend, DType } from "@attnkit/core";
import { type Ort, onnx } from "@attnkit/onnx";
import type { InferenceSession } from "onnxruntime-common";

type Provider = "cpu" | "wasm" | "webgpu";

/** The sizes of tests and of small calls gain nothing from more, and each session would start its own threads. */
const oneThread = { intraOpNumThreads: 1, interOpNumThreads: 1 };

/** A build of ONNX Runtime that has the provider here, and the session options of everything that the catalog runs on it. */
export async function ortRuntime(
  provider: Provider,
): Promise<{ ort: Ort; device: string; options: InferenceSession.SessionOptions }> {
  const ort = await ("window" in globalThis ? web : node)[provider]();
  const { versions } = ort.env;
  if (versions.node === undefined) ort.env.wasm.numThreads = 1;
  const device = `ONNX Runtime ${versions.node ?? versions.web ?? versions.common}, provider ${provider}`;
  // Otherwise nodes that the provider lacks would run on the CPU, and a timing would be one of the CPU.
  const strict = { extra: { session: { disable_cpu_ep_fallback: "1" } } };
  const options = { executionProviders: [provider], logSeverityLevel: 3 as const, ...oneThread };
  return { ort, device, options: provider === "webgpu" ? { ...options, ...strict } : options };
}

/** attnkit on one provider of ONNX Runtime. */
export async function ortOn(provider: Provider, dtype: DType = "float32"): Promise<Backend<unknown>> {
  const { ort } = await ortRuntime(provider);
  return onnx({
    ...{ ort, executionProviders: [provider], sessionOptions: oneThread },
    dtype: dtype === "float64" ? dtype : "float32",
  }) as Backend<unknown>;
}

const node: Readonly<Record<Provider, () => Promise<Ort>>> = {
  cpu: () => import("onnxruntime-node"),
  wasm: () => import("onnxruntime-web"),
  async webgpu() {
    const { useAdapter } = await import("./dawn.ts");
    useAdapter(); // before the runtime looks for one
    return import("onnxruntime-node");
  },
};

const web: Readonly<Record<Provider, () => Promise<Ort>>> = {
  cpu: () => import("onnxruntime-web/wasm"),
  wasm: () => import("onnxruntime-web/wasm"),
  webgpu: () => import("onnxruntime-web/webgpu"),
};
