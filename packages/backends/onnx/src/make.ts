import { AttentionError } from "@attnkit/core";
import type { InferenceSession } from "onnxruntime-common";
import type { Places } from "./device.ts";
import type { Ort } from "./ort.ts";
import { kindsOfNodes } from "./probe.ts";
import type { Session } from "./sessions.ts";
import { onWeb } from "./web.ts";

type Make = (model: Uint8Array) => Promise<Session>;

/**
 * Makes sessions. Where the caller names one provider and it is not the CPU's, nothing moves to the CPU unseen: ONNX
 * Runtime would otherwise compute there what the provider lacks. Naming `"cpu"` or `"wasm"` after it allows that.
 * Throws `ATTN_UNSUPPORTED`, with the operators that the provider lacks, or because it does not start.
 */
export function sessionMaker(
  ort: Ort,
  provider: string,
  options: InferenceSession.SessionOptions,
  places: Places,
): Make {
  const tuned = provider === "webgpu" ? withoutTransposes(options) : options;
  const onCpu = provider === "cpu" || provider === "wasm";
  const strict = onCpu || tuned.executionProviders?.length !== 1 ? tuned : withoutFallback(tuned);
  // In Node nothing needs a line: the runtime begins and ends a run without giving way to another.
  const plainly = (model: Uint8Array, how: InferenceSession.SessionOptions) => ort.InferenceSession.create(model, how);
  const create = isWeb(ort) ? onWeb(ort, places) : plainly;
  const make: Make = (model) => create(model, { logSeverityLevel: 3, ...strict });
  if (onCpu) return make;
  return async (model) => {
    try {
      return await make(model);
    } catch (error) {
      const quiet: Make = (one) => create(one, { ...strict, logSeverityLevel: 4 });
      throw await explained(error, provider, quiet, model);
    }
  };
}

export const isWeb = (ort: Ort): boolean => ort.env.versions.node === undefined;

/**
 * Where a provider's sessions leave their outputs, unless the caller says so. In Node, ONNX Runtime 1.30 ends the process
 * when a tensor on the GPU is downloaded, or read once the last session is released: there they are downloaded after each run.
 */
export const outputsOf = (ort: Ort, provider: string): "cpu" | "gpu-buffer" =>
  provider === "webgpu" && isWeb(ort) ? "gpu-buffer" : "cpu";

/** Entries under `extra[group]`; the caller's own go before them. */
function withExtra(
  options: InferenceSession.SessionOptions,
  group: string,
  entries: Readonly<Record<string, string>>,
): InferenceSession.SessionOptions {
  const own = (options.extra?.[group] ?? {}) as object;
  return { ...options, extra: { ...options.extra, [group]: { ...entries, ...own } } };
}

const withoutFallback = (options: InferenceSession.SessionOptions): InferenceSession.SessionOptions =>
  withExtra(options, "session", { disable_cpu_ep_fallback: "1" });

/**
 * ONNX Runtime moves transposes through `Where` to its booleans, and into a layout for convolutions; its WebGPU provider
 * then refuses the graph for the boolean Transpose that it has made itself (1.30).
 */
function withoutTransposes(options: InferenceSession.SessionOptions): InferenceSession.SessionOptions {
  const executionProviders = options.executionProviders?.map((p) => {
    const named = typeof p === "string" ? { name: p } : p;
    return named.name === "webgpu" ? { preferredLayout: "NCHW", ...named } : p;
  }) as InferenceSession.SessionOptions["executionProviders"];
  const kept = { ...options, ...(executionProviders && { executionProviders }) };
  return withExtra(kept, "optimization", { disable_specified_optimizers: "TransposeOptimizer" });
}

/** The runtime does not say which node it was: each kind of node is tried by itself. */
async function explained(error: unknown, provider: string, make: Make, model: Uint8Array): Promise<unknown> {
  const kinds = kindsOfNodes(model);
  const refused: string[] = [];
  for (const [kind, alone] of kinds) {
    const reason = await make(alone).then(
      (session) => session.release().then(() => undefined),
      (refusal: unknown) => refusal,
    );
    if (reason !== undefined) refused.push(kind);
  }
  if (refused.length === 0) return error;
  const said = error instanceof Error ? error.message : String(error);
  const message =
    refused.length === kinds.size
      ? `provider ${provider} does not start here, or runs none of ${refused.join(", ")}: ${said}`
      : `provider ${provider} lacks ${refused.join(", ")}; two executionProviders, ${provider} and a CPU's, let the CPU compute them`;
  const typed = new AttentionError("ATTN_UNSUPPORTED", `ort-${provider}`, message);
  typed.cause = error;
  return typed;
}
