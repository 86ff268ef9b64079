import type { Backend, DType } from "@attnkit/core";
import { type OnnxOptions, type Ort, onnx } from "@attnkit/onnx";
import { webgpuDevice } from "@attnkit/tfjs/webgpu";
import type { InferenceSession } from "onnxruntime-common";

type Provider = "cpu" | "wasm" | "webgpu";

/** The default: tests and small calls gain nothing from more threads, and each session would start its own. */
const ONE = 1;

/**
 * Returns a build of ONNX Runtime that has the provider on this platform, and the session options for everything that
 * the catalog runs on it. Throws an Error if WebAssembly cannot have that many threads: the runtime sets their number
 * with its first session.
 */
export async function ortRuntime(
  provider: Provider,
  threads: number = ONE,
): Promise<{ ort: Ort; device: string; options: InferenceSession.SessionOptions }> {
  const { ort, executionProviders = [provider] } = await ("window" in globalThis ? web : node)[provider]();
  const { versions } = ort.env;
  if (versions.node === undefined) poolOf(ort, threads);
  const device = `ONNX Runtime ${versions.node ?? versions.web ?? versions.common}, provider ${provider}`;
  // Otherwise, nodes that the provider lacks would run on the CPU, and so would a timing.
  const strict = { extra: { session: { disable_cpu_ep_fallback: "1" } } };
  const options = { executionProviders, logSeverityLevel: 3 as const, ...threading(threads) };
  return { ort, device, options: provider === "webgpu" ? { ...options, ...strict } : options };
}

/** Makes attnkit's backend on one provider of ONNX Runtime, with the build that has this provider on this platform. */
export async function ortOn(
  provider: Provider,
  { dtype = "float32", threads = ONE }: { dtype?: DType; threads?: number } = {},
): Promise<Backend<unknown>> {
  const { ort, options } = await ortRuntime(provider, threads);
  const float = dtype === "float64" ? dtype : "float32";
  const { executionProviders = [provider] } = options;
  return onnx({ ort, executionProviders, dtype: float, sessionOptions: threading(threads) });
}

function threading(threads: number): Pick<InferenceSession.SessionOptions, "intraOpNumThreads" | "extra"> {
  const numbers = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  // The workers of a session would spin after its call and take cores from the session that is called next.
  return threads === ONE ? numbers : { ...numbers, extra: { session: { intra_op: { allow_spinning: "0" } } } };
}

/** The number of WebAssembly threads: one pool serves all sessions, and its size is set before the first of them. */
let pool: number | undefined;

function poolOf(ort: Ort, threads: number): void {
  if (pool !== undefined && pool !== threads)
    throw new Error(
      `ONNX Runtime's WebAssembly build already runs with ${pool} thread(s) in this process; got threads = ${threads}`,
    );
  // Without isolation a page has no shared memory, and the runtime would fall back to one thread.
  if (threads > ONE && "window" in globalThis && Reflect.get(globalThis, "crossOriginIsolated") !== true)
    throw new Error(`threads = ${threads} needs a cross-origin isolated page: WebAssembly threads share memory`);
  pool = threads;
  ort.env.wasm.numThreads = threads;
}

type Here = Readonly<Record<Provider, () => Promise<Pick<OnnxOptions, "ort" | "executionProviders">>>>;

const node: Here = {
  cpu: async () => ({ ort: await import("onnxruntime-node") }),
  wasm: async () => ({ ort: await import("onnxruntime-web") }),
  async webgpu() {
    const { useAdapter } = await import("./dawn.ts");
    useAdapter(); // before the runtime requests an adapter
    return { ort: await import("onnxruntime-node") };
  },
};

const wasm = async (): Promise<{ ort: Ort }> => ({ ort: await import("onnxruntime-web/wasm") });

/** The device of all sessions: the runtime keeps the first one that it is given. */
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
