import { AttentionError, type Backend, type Data, type DataOf, type Shape, type Tensors } from "@attnkit/core";
import {
  type Compiled,
  checkVjp,
  hostData,
  type NestedValues,
  notOwnTensor,
  type Program,
  Remembered,
  requireFunction,
  vjp,
} from "@attnkit/core/backend";
import { isPositiveInteger, knownOptions, requireOption } from "@attnkit/core/program";
import type * as ORT from "onnxruntime-common";
import { Compiler } from "./compile.ts";
import { placesOf } from "./device.ts";
import { isWeb, outputsOf, sessionMaker, versionOf } from "./make.ts";
import type { Ort, OutputLocation } from "./ort.ts";
import { Sessions } from "./sessions.ts";
import { isOlder, OLDEST_RUNTIME } from "./version.ts";

export { checkOnnx, type OnnxSummary } from "./check.ts";
export { exportOnnx } from "./export.ts";
export type { ExportDims, ExportOptions } from "./export-options.ts";
export { type Fused, type FusedKernel, fusedKernels, type Nodes, withFused } from "./fused.ts";
export type { Ort, OutputLocation } from "./ort.ts";
export { toText } from "./text.ts";
export type { Value } from "./value.ts";

export interface OnnxOptions<D extends "float32" | "float64" = "float32" | "float64"> {
  /** The module `onnxruntime-node` or `onnxruntime-web`, version 1.21.0 or newer. */
  readonly ort: Ort;
  /** Passed on to ONNX Runtime. Default: its CPU provider, `cpu` in Node and `wasm` in browsers. */
  readonly executionProviders?: readonly ORT.InferenceSession.ExecutionProviderConfig[];
  /** Passed on to every session: number of threads, graph optimisation, location of outputs. */
  readonly sessionOptions?: Omit<ORT.InferenceSession.SessionOptions, "executionProviders">;
  /**
   * The type of all floats. `"float64"` needs a provider that computes in it, as ONNX Runtime's `cpu` and `wasm` do;
   * `webgpu` does not. Default: `"float32"`.
   */
  readonly dtype?: D;
  /** The number of sessions that are kept for later calls, an integer >= 1 or Infinity. Default: 64. */
  readonly maxSessions?: number;
}

export interface OnnxBackend<D extends "float32" | "float64" = "float32" | "float64"> extends Backend<ORT.Tensor, D> {
  /**
   * The location of outputs, states included. Default: `"gpu-buffer"` with provider `webgpu` in browsers, otherwise
   * `"cpu"`. `sessionOptions.preferredOutputLocation` overrides it. Only `free` or `dispose` releases a `"gpu-buffer"`.
   */
  readonly outputs: OutputLocation;
  /** The number of sessions that are alive. */
  readonly sessions: number;
  /** Releases every session. Later calls create new ones. Rejects if the release of a session failed. */
  release(): Promise<void>;
}

/**
 * Creates a backend over ONNX Runtime, which the caller passes in. Programs are recorded as ONNX graphs. Sizes that
 * vary between calls are symbolic dimensions where the mechanism allows it (`Varying`).
 *
 * @throws `ATTN_OPTION` if an option is missing, unknown or out of range, and if ONNX Runtime is older than 1.21.0.
 * @example
 * ```ts
 * import * as ort from "onnxruntime-node";
 * const attend = attention(softmax(), onnx({ ort }), { causal: true });
 * ```
 */
export function onnx<const D extends "float32" | "float64" = "float32">(options: OnnxOptions<D>): OnnxBackend<D> {
  checkOptions(options);
  const { ort, sessionOptions, maxSessions = 64, dtype = "float32" as D } = options;
  const web = isWeb(ort);
  const executionProviders = options.executionProviders ?? [web ? "wasm" : "cpu"];
  const provider = nameOf(executionProviders[0]);
  // WGSL has no float64.
  const dtypes: readonly OnnxBackend["dtype"][] = provider === "webgpu" ? ["float32"] : ["float32", "float64"];
  requireOption(dtypes.includes(dtype), "onnx", "dtype", dtype, `${dtypes.join(" or ")} on ${provider}`);
  const name = `ort-${provider}`;
  const device = deviceOf(executionProviders[0]);
  const outputs = sessionOptions?.preferredOutputLocation ?? outputsOf(ort, provider);
  // Above "basic", ONNX Runtime moves scale factors into float32 attributes. A float64 result would then have errors of
  // 1e-9.
  const level = dtype === "float64" ? ({ graphOptimizationLevel: "basic" } as const) : {};
  const places = placesOf(ort, device);
  const stay = outputs === "cpu" ? {} : { preferredOutputLocation: outputs };
  const create = sessionMaker(ort, provider, { ...level, ...sessionOptions, ...stay, executionProviders }, places);
  const sessions = new Sessions(maxSessions, create);
  const { upload, compile } = new Compiler(ort, dtype, sessions, provider, places);
  const gradients = new WeakMap<Program, Remembered<string, Compiled<ORT.Tensor>>>();
  const backend: OnnxBackend<D> = {
    name,
    kind: "onnx",
    device: `ONNX Runtime ${versionOf(ort)}, provider ${provider}${adapterOf(device)}`,
    dtype,
    outputs,
    supports: { gradients: true, dtypes },
    get sessions() {
      return sessions.size;
    },
    release: () => sessions.clear(),
    upload(given: Data | NestedValues, givenShape?: Shape) {
      const { data, shape } = hostData(name, given, givenShape);
      const isBytes = Object.prototype.toString.call(data) === "[object Uint8Array]";
      return upload(isBytes ? Uint8Array.from(data) : data, shape);
    },
    async download(x) {
      const data = await places.read(own(name, x));
      if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Uint8Array)
        return data.slice() as DataOf<D>;
      throw new AttentionError(
        "ATTN_DATA",
        name,
        `download: got a tensor of ${x.type}, expected float32, float64 or bool`,
      );
    },
    shape: (x) => own(name, x).dims,
    boolean: (x) => (typeof x?.type === "string" ? x : own(name, x)).type === "bool",
    free(x) {
      if (!isTensor(x)) throw notOwnTensor(name, x, "an ort.Tensor");
      x.dispose();
    },
    compile: ((program: Program, varying) => {
      requireFunction(`compile on ${name}`, "program", program);
      return compile(program, varying);
    }) as OnnxBackend["compile"],
    async vjp(program, x, seeds, wrt) {
      checkVjp(backend, program, x, seeds, wrt);
      const key = JSON.stringify([Object.keys(x), Object.keys(seeds), wrt]);
      const known = gradients.get(program) ?? new Remembered<string, Compiled<ORT.Tensor>>(MOST_GRADIENTS);
      gradients.set(program, known);
      const run = known.get(key, () => compile(pulled(program, Object.keys(x), Object.keys(seeds), wrt)));
      return run({ ...renamed("x.", x), ...renamed("seed.", seeds) });
    },
  };
  return backend;
}

/** Throws `ATTN_OPTION` if an option is missing, unknown or out of range. */
function checkOptions(options: OnnxOptions): void {
  const { ort, executionProviders, sessionOptions, maxSessions = 64 } = options ?? {};
  const given = ort?.InferenceSession !== undefined && ort.Tensor !== undefined && ort.env !== undefined;
  const module = "the module onnxruntime-node or onnxruntime-web: onnx({ ort })";
  requireOption(given, "onnx", "ort", typeof ort, module);
  requireOption(
    !isOlder(versionOf(ort), OLDEST_RUNTIME),
    "onnx",
    "ort",
    `ONNX Runtime ${versionOf(ort)}`,
    `version ${OLDEST_RUNTIME} or newer`,
  );
  knownOptions("onnx", options, ["ort", "executionProviders", "sessionOptions", "dtype", "maxSessions"]);
  const isProvider = (x: unknown) =>
    typeof (typeof x === "object" ? (x as { name?: unknown } | null)?.name : x) === "string";
  const listed =
    executionProviders === undefined ||
    (Array.isArray(executionProviders) && executionProviders.length > 0 && executionProviders.every(isProvider));
  requireOption(listed, "onnx", "executionProviders", executionProviders, 'a list such as ["cpu"]');
  const settings = sessionOptions === undefined || Object.prototype.toString.call(sessionOptions) === "[object Object]";
  requireOption(settings, "onnx", "sessionOptions", sessionOptions, "an object");
  const most = isPositiveInteger(maxSessions) || maxSessions === Number.POSITIVE_INFINITY;
  requireOption(most, "onnx", "maxSessions", maxSessions, "an integer >= 1, or Infinity");
}

const isTensor = (x: ORT.Tensor): boolean =>
  typeof x === "object" && x !== null && Array.isArray(x.dims) && typeof x.type === "string";

/** Returns `x` if it is a tensor of ONNX Runtime whose values were not disposed of. Throws `ATTN_DATA` otherwise. */
function own(who: string, x: ORT.Tensor): ORT.Tensor {
  if (!isTensor(x)) throw notOwnTensor(who, x, "an ort.Tensor");
  if (x.location !== "none") return x;
  const shape = `[${x.dims.join(", ")}]`;
  throw new AttentionError("ATTN_DATA", who, `got a tensor ${shape} that was disposed of, expected a live one`);
}

/** The number of gradients that are kept per program: they differ by the names that they are taken with respect to. */
const MOST_GRADIENTS = 64;

const nameOf = (provider: ORT.InferenceSession.ExecutionProviderConfig | undefined): string =>
  typeof provider === "object" ? provider.name : (provider ?? "cpu");

/** Returns the WebGPU device that the caller passed in with the provider, if any. */
const deviceOf = (config: ORT.InferenceSession.ExecutionProviderConfig | undefined): GPUDevice | undefined =>
  typeof config === "object" && "device" in config ? (config.device as GPUDevice | undefined) : undefined;

/** Returns vendor, architecture and description of the device's adapter, in parentheses, as far as they are known. */
function adapterOf(device: GPUDevice | undefined): string {
  const info = device?.adapterInfo;
  const words = info ? [info.vendor, info.architecture, info.description].filter(Boolean) : [];
  return words.length > 0 ? ` (${words.join(" ")})` : "";
}

/** Returns the vector-Jacobian product of a program, as a program. */
function pulled(
  program: Program,
  inputs: readonly string[],
  seeds: readonly string[],
  wrt: readonly string[],
): Program {
  return (o, all) => {
    const named = (prefix: string, names: readonly string[]) =>
      Object.fromEntries(names.map((n) => [n, all[prefix + n]!]));
    return vjp(o, program, named("x.", inputs), named("seed.", seeds), wrt);
  };
}

const renamed = <T>(prefix: string, x: Tensors<T>): Tensors<T> =>
  Object.fromEntries(Object.entries(x).map(([n, t]) => [prefix + n, t]));
