import {
  AttentionError,
  type Causal,
  checkCall,
  type Mechanism,
  programOf,
  requireOption,
  type Shape,
  type Tensors,
} from "@attnkit/core";
import { Graph } from "./graph.ts";
import { bytesOf, modelOf } from "./model.ts";
import { record } from "./record.ts";
import type { Type, Value } from "./value.ts";

export interface ExportDims {
  /** Default: any, chosen by who runs the model. */
  readonly B?: number;
  readonly Hq: number;
  /** Default Hq. */
  readonly Hkv?: number;
  /** Tokens of a block, queries and keys alike; 1 where the form is `"decode"`. */
  readonly L?: number;
  readonly d: number;
  /** Default d. */
  readonly dv?: number;
}

export interface ExportOptions {
  /** `"prefill"`: L tokens without a past. `"block"`: L tokens after a past. `"decode"`: one token after a past. */
  readonly form: "prefill" | "block" | "decode";
  /** As in `attention`; default false. */
  readonly causal?: Causal;
  readonly dims: ExportDims;
  /** Also take `keyMask`, and what a state remembers of it. Default false. */
  readonly keyMask?: boolean;
  /** Also give `lse`. Default false. */
  readonly lse?: boolean;
  /** Default float32. */
  readonly dtype?: "float32" | "float64";
  /** Default 21. */
  readonly opset?: number;
}

/**
 * A mechanism as an ONNX file: `q k v [keyMask] [past.*] -> y [lse] present.*`. The batch is dynamic unless `dims.B` is
 * given, and so is the length of a past that holds every key. The same arguments give the same bytes.
 * Throws `ATTN_OPTION`, and what `checkCall` throws.
 */
export function exportOnnx(mechanism: Mechanism, options: ExportOptions): Uint8Array {
  const { form, causal = false, dims, keyMask = false, lse = false, dtype = "float32", opset = 21 } = options;
  const known = (ok: boolean, option: string, got: unknown, expected: string) =>
    requireOption(ok, "exportOnnx", option, got, expected);
  known(["prefill", "block", "decode"].includes(form), "form", form, '"prefill", "block" or "decode"');
  known([true, false, "end"].includes(causal), "causal", causal, 'true, false or "end"');
  known(["float32", "float64"].includes(dtype), "dtype", dtype, '"float32" or "float64"');
  known(Number.isInteger(opset) && opset >= 18 && opset <= 25, "opset", opset, "a whole number from 18 to 25");
  const L = dims.L ?? (form === "decode" ? 1 : undefined);
  known(Number.isInteger(L) && L! >= 1 && (form !== "decode" || L === 1), "dims.L", L, "a length from 1; 1 to decode");
  if (lse && mechanism.takes.lse !== true)
    throw new AttentionError("ATTN_UNSUPPORTED", mechanism.name, `lse: ${mechanism.takes.lse}`);

  const g = new Graph(dtype === "float64" ? Float64Array : Float32Array);
  const inputs = signature(g, mechanism, { ...dims, L: L! }, form !== "prefill", keyMask);
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, x.shape]));
  checkCall(mechanism, { causal, lse }, shapes);

  const program = programOf(mechanism, { causal, lse });
  const outputs = record(
    g,
    (o, x) => renamed(program(o, renamed(x, "past.", "state.")), "state.", "present."),
    renamed(inputs, "state.", "past."),
  );
  const metadata = {
    format: "attnkit-onnx/1",
    mechanism: mechanism.name,
    options: JSON.stringify(mechanism.options),
    form,
    causal: JSON.stringify(causal),
  };
  return bytesOf(modelOf(g, outputs, { opset, name: `${mechanism.name} ${form}`, metadata, allInputs: true }));
}

/** Type and shape of every input, with symbols for what may change. */
function signature(g: Graph, mechanism: Mechanism, dims: ExportDims & { L: number }, past: boolean, keyMask: boolean) {
  const { Hq, Hkv = Hq, L, d, dv = d } = dims;
  const B = dims.B ?? g.sizes.symbol("batch");
  const float = (shape: Shape): { type: Type; shape: Shape } => ({ type: "float", shape });
  const entries = past ? Object.entries(mechanism.state({ B, Hq, Hkv, L, S: L, d, dv })) : [];
  const state = entries.flatMap(([name, { shape, optional }]) =>
    optional && !keyMask
      ? []
      : [[`state.${name}`, float(shape.map((n) => (n === -1 ? g.sizes.symbol("past") : n)))] as const],
  );
  return {
    ...{ q: float([B, Hq, L, d]), k: float([B, Hkv, L, d]), v: float([B, Hkv, L, dv]) },
    ...(keyMask && { keyMask: { type: "bool" as const, shape: [B, L] } }),
    ...Object.fromEntries(state),
  } satisfies Record<string, Pick<Value, "type" | "shape">>;
}

const renamed = <T>(x: Tensors<T>, from: string, to: string): Record<string, T> =>
  Object.fromEntries(Object.entries(x).map(([n, t]) => [n.startsWith(from) ? to + n.slice(from.length) : n, t]));
