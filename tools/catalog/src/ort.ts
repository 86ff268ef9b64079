import type { Backend, DType } from "@attnkit/core";
import { type OnnxOptions, type Ort, onnx } from "@attnkit/onnx";
import { webgpuDevice } from "@attnkit/tfjs/webgpu";

type Provider = "cpu" | "wasm" | "webgpu";

/** The sizes of tests and of small calls gain nothing from more, and each session would start its own threads. */
const oneThread = { intraOpNumThreads: 1, interOpNumThreads: 1 };

/** attnkit on one provider of ONNX Runtime, with the build of it that has this provider here. */
export async function ortOn(provider: Provider, dtype: DType = "float32"): Promise<Backend<unknown>> {
  const { ort, ...options } = await ("window" in globalThis ? web : node)[provider]();
  if (ort.env.versions.node === undefined) ort.env.wasm.numThreads = 1;
  const float = dtype === "float64" ? dtype : "float32";
  return onnx({ ort, executionProviders: [provider], dtype: float, sessionOptions: oneThread, ...options });
}

type Here = Readonly<Record<Provider, () => Promise<Pick<OnnxOptions, "ort" | "executionProviders">>>>;

const node: Here = {
  cpu: async () => ({ ort: await import("onnxruntime-node") }),
  wasm: async () => ({ ort: await import("onnxruntime-web") }),
  async webgpu() {
    const { useAdapter } = await import("./dawn.ts");
    useAdapter(); // before the runtime looks for one
    return { ort: await import("onnxruntime-node") };
  },
};

const wasm = async (): Promise<{ ort: Ort }> => ({ ort: await import("onnxruntime-web/wasm") });
/** One for all sessions: the runtime keeps the first it is given. */
let device: Promise<GPUDevice> | undefined;

const web: Here = {
  cpu: wasm,
  wasm,
  async webgpu() {
    device ??= webgpuDevice().then((made) => made.device);
    const name = "webgpu";
    return { ort: await import("onnxruntime-web/webgpu"), executionProviders: [{ name, device: await device }] };
  },
};
