import { AttentionError, type Mechanism, type Tensors } from "@attnkit/core";
import { mechanismProgram, requireMechanism } from "@attnkit/core/backend";
import { type Call, checkCall, type How, knownOptions, type Ops, requireOption } from "@attnkit/core/program";
import { chunkwise } from "./chunkwise.ts";
import type { ExportDims, ExportOptions } from "./export-options.ts";
import { filled } from "./filled.ts";
import { type FusedKernel, fusedKernels } from "./fused.ts";
import { Graph } from "./graph.ts";
import { asHalf, halfConstants } from "./half.ts";
import { bytesOf, modelOf } from "./model.ts";
import { FLOAT } from "./proto/onnx.ts";
import { record } from "./record.ts";
import { entriesOf, examples, inputsOf, keepsTokens, renamed, shapesOf, stateType, symbols } from "./signature.ts";
import type { Value } from "./value.ts";
import { VERSION } from "./version.ts";

/**
 * Exports a mechanism as an ONNX file with inputs `q k v [mask] [bias] [keyMask] [past.*]` and outputs
 * `y [lse] present.*`.
 * Batch and length are symbolic dimensions unless `dims.B` and `dims.L` are given. The length of a key-value cache is
 * always symbolic. The same arguments give the same bytes.
 *
 * @returns The bytes of the file.
 * @throws `ATTN_OPTION` if an option is unknown or out of range; `ATTN_NO_KERNEL` if `fused` is true and no program
 * accepts the call; `ATTN_UNSUPPORTED` if the mechanism lacks what an option asks for; `ATTN_SHAPE` if sizes disagree.
 * @example
 * ```ts
 * const bytes = exportOnnx(softmax(), { form: "decode", dims: { Hq: 8, d: 64 } });
 * await writeFile("softmax-decode.onnx", bytes);
 * ```
 */
export function exportOnnx(mechanism: Mechanism, options: ExportOptions): Uint8Array {
  const asked = checked(mechanism, options);
  const { form, causal = false, lse = false, dtype = "float32", opset = 21, chunk = 128 } = options;
  const past = form !== "prefill";
  const how: How = { causal, lse };
  const call = checkCall(mechanism, how, shapesOf(inputsOf(mechanism, asked, examples(asked.dims, past))));
  const fused = options.fused ? kernelFor(mechanism, asked, call) : undefined;

  const g = new Graph(dtype === "float64" ? Float64Array : Float32Array);
  const inputs = inputsOf(mechanism, asked, symbols(g.sizes, asked.dims, past));
  const anyLength = asked.dims.L === undefined && !keepsTokens(mechanism, asked);
  const float = (x: Value) => (x.type === "half" ? g.node("Cast", [x], "float", x.shape, { to: FLOAT }) : x);
  const fusedProgram =
    fused &&
    (fused.granularity > 1 ? filled(g, fused.kernel.program(how), fused.granularity) : fused.kernel.program(how));
  const program = (o: Ops<Value>, all: Tensors<Value>): Tensors<Value> => {
    const x = Object.fromEntries(Object.entries(renamed(all, "past.", "state.")).map(([n, t]) => [n, float(t)]));
    const whole = fusedProgram ?? mechanismProgram(mechanism, how);
    const made = anyLength && !fused ? chunkwise(g, mechanism, x, { how, size: chunk, opset }) : whole(o, x);
    const { y, lse: logs, ...rest } = made as Record<string, Value>;
    return { y: y!, ...(logs && { lse: logs }), ...renamed(rest, "state.", "present.") };
  };
  const outputs = record(g, program, inputs);
  const entries = entriesOf(mechanism, asked);
  const half = (name: string) =>
    name === "y" || (name.startsWith("present.") && stateType(entries[name.slice(8)]?.shape ?? [], "half") === "half");
  const stored = dtype === "float16" ? halfConstants(g, asHalf(g, outputs, half)) : outputs;
  const metadata = {
    format: "attnkit-onnx/1",
    attnkit: VERSION,
    mechanism: mechanism.name,
    options: JSON.stringify(mechanism.options),
    form,
    causal: JSON.stringify(causal),
    dtype,
    ...(fused && { fused: fused.kernel.name }),
  };
  const name = `${mechanism.name}_${form}`;
  return bytesOf(modelOf(g, stored, { opset, name, metadata, allInputs: true, valueInfo: true, version: VERSION }));
}

interface Fusing {
  readonly kernel: FusedKernel;
  /** A block of any length is padded to a multiple of this number of tokens; 1 means no padding. */
  readonly granularity: number;
}

/** Chooses the fused program for a call. Throws `ATTN_NO_KERNEL` with the reason of every program that refuses. */
function kernelFor(mechanism: Mechanism, { dims }: ExportOptions, call: Call): Fusing {
  const refusals = fusedKernels(mechanism).map((kernel) => {
    const granularity = dims.L === undefined ? kernel.granularity(call) : 1;
    return {
      kernel,
      granularity,
      answer: granularity === undefined ? "it splits the block by length; set dims.L" : kernel.takes(call),
    };
  });
  const found = refusals.find(({ answer }) => answer === true);
  if (found) return { ...found, granularity: found.granularity! };
  const reasons = refusals.map(({ kernel, answer }) => `${kernel.name}: ${answer}`).join("; ");
  const why = reasons || `none is attached; see @attnkit/${mechanism.name}/onnx`;
  throw new AttentionError(
    "ATTN_NO_KERNEL",
    "exportOnnx",
    `no fused program takes this call (${why}). Without fused, the portable program is exported`,
  );
}

const NAMES = ["form", "causal", "dims", "mask", "bias", "keyMask", "lse", "dtype", "opset", "fused", "chunk"];

/** Checks the options and sets L = 1 for a decode step. Throws `ATTN_OPTION` or `ATTN_UNSUPPORTED`. */
function checked(mechanism: Mechanism, options: ExportOptions): ExportOptions {
  requireMechanism("exportOnnx", mechanism);
  knownOptions("exportOnnx", options, NAMES);
  const { form, causal = false, dims, lse = false, dtype = "float32", opset = 21, chunk = 128 } = options;
  const known = (ok: boolean, option: string, got: unknown, expected: string) =>
    requireOption(ok, "exportOnnx", option, got, expected);
  known(["prefill", "block", "decode"].includes(form), "form", form, '"prefill", "block" or "decode"');
  known([true, false, "end"].includes(causal), "causal", causal, 'true, false or "end"');
  known(["float16", "float32", "float64"].includes(dtype), "dtype", dtype, '"float16", "float32" or "float64"');
  known(Number.isInteger(opset) && opset >= 18 && opset <= 25, "opset", opset, "an integer from 18 to 25");
  known(Number.isInteger(chunk) && chunk >= 1, "chunk", chunk, "an integer >= 1");
  known(typeof dims === "object" && dims !== null, "dims", dims, "an object such as { Hq: 8, d: 64 }");
  knownOptions("exportOnnx, dims", dims, ["B", "Hq", "Hkv", "L", "d", "dv"]);
  const size = (name: keyof ExportDims, least: number, must = false) => {
    const n = dims[name];
    const ok = n === undefined ? !must : Number.isInteger(n) && n >= least && n < 2 ** 31;
    known(ok, `dims.${name}`, n, `an integer >= ${least} and < 2^31`);
  };
  size("B", 1);
  size("Hq", 1, true);
  size("Hkv", 1);
  size("L", 1);
  size("d", 1, true);
  size("dv", 1);
  known(form !== "decode" || (dims.L ?? 1) === 1, "dims.L", dims.L, "1 or undefined, because the form is decode");
  for (const name of ["keyMask", "lse", "fused"] as const)
    known([undefined, true, false].includes(options[name]), name, options[name], "true or false");
  for (const name of ["mask", "bias"] as const) {
    const ok = [undefined, true, false, "per-head"].includes(options[name]);
    known(ok, name, options[name], 'true, false or "per-head"');
  }
  if (lse && mechanism.takes.lse !== true)
    throw new AttentionError("ATTN_UNSUPPORTED", mechanism.name, `lse: ${mechanism.takes.lse}`);
  return form === "decode" ? { ...options, dims: { ...dims, L: 1 } } : options;
}
