import { AttentionError } from "@attnkit/core";
import type { InferenceSession } from "onnxruntime-common";
import type { Places } from "./device.ts";
import type { Ort } from "./ort.ts";
import { kindsOfNodes } from "./probe.ts";
import type { Session } from "./sessions.ts";
import { onWeb } from "./web.ts";

type Make = (model: Uint8Array) => Promise<Session>;

/**
 * Returns a function that makes sessions.
 * If the caller names a single provider that is not the CPU's, no operation falls back to the CPU. By default, ONNX
 * Runtime would compute there whatever the provider lacks. Naming `"cpu"` or `"wasm"` as second provider allows the
 * fallback.
 *
 * @throws `ATTN_UNSUPPORTED` with the operators that the provider lacks, or because the provider does not start.
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
  // In Node no queue is needed: the runtime begins and ends a run synchronously.
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

/** Returns the version of the package that runs: onnxruntime-node, onnxruntime-web or another build. */
export const versionOf = ({ env: { versions } }: Ort): string => versions.node ?? versions.web ?? versions.common;

/**
 * Returns the default location of a provider's outputs. In Node, ONNX Runtime 1.30 crashes when a GPU tensor is
 * downloaded, or is read after its last session was released. There, outputs are downloaded after each run.
 */
export const outputsOf = (ort: Ort, provider: string): "cpu" | "gpu-buffer" =>
  provider === "webgpu" && isWeb(ort) ? "gpu-buffer" : "cpu";

/** Adds entries to `extra[group]` of the session options. Entries of the caller take precedence. */
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
 * Turns off ONNX Runtime's transpose optimiser. It moves transposes through `Where` to the boolean condition, and into
 * a layout for convolutions. The WebGPU provider (1.30) then refuses the boolean Transpose that the optimiser made.
 */
function withoutTransposes(options: InferenceSession.SessionOptions): InferenceSession.SessionOptions {
  const executionProviders = options.executionProviders?.map((p) => {
    const named = typeof p === "string" ? { name: p } : p;
    return named.name === "webgpu" ? { preferredLayout: "NCHW", ...named } : p;
  }) as InferenceSession.SessionOptions["executionProviders"];
  const kept = { ...options, ...(executionProviders && { executionProviders }) };
  return withExtra(kept, "optimization", { disable_specified_optimizers: "TransposeOptimizer" });
}

/** Explains why a provider refused a model. The runtime does not name the node, so each kind of node is tried alone. */
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
      ? `provider ${provider} does not start here, or supports none of ${refused.join(", ")}: ${said}`
      : `provider ${provider} does not support ${refused.join(", ")}; to run these on the CPU, add a CPU provider to executionProviders`;
  const typed = new AttentionError("ATTN_UNSUPPORTED", `ort-${provider}`, message);
  typed.cause = error;
  return typed;
}
