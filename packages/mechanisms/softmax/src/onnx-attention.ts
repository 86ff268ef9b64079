import { isPositiveNumber, knownOptions, requireOption } from "@attnkit/core/program";
import type { SoftmaxOptions, Stage } from "./index.ts";
import { type AttentionProgram, attentionProgram } from "./onnx-program.ts";

export type { AttentionProgram } from "./onnx-program.ts";

/** A whole number as an attribute of a protobuf message has it, or as JavaScript writes it. */
export type Int = number | bigint;

/** The attributes of `Attention` (ai.onnx, opsets 23 to 25) under their own names. */
export interface OnnxAttentionAttributes {
  readonly is_causal?: Int;
  readonly q_num_heads?: Int;
  readonly kv_num_heads?: Int;
  readonly scale?: number;
  /** 0 is none. */
  readonly softcap?: number;
  /** A `TensorProto.DataType`: 1 float, 10 float16, 11 double, 16 bfloat16. */
  readonly softmax_precision?: Int;
  readonly qk_matmul_output_mode?: Int;
  /** Opset 25; -1 is unlimited. */
  readonly left_window_size?: Int;
  readonly right_window_size?: Int;
}

/** The properties of an `Attention` node that are not attributes. */
export interface OnnxAttentionNode {
  /** Default 25. */
  readonly opset?: number;
  /** The type of the input `attn_mask`: booleans say who may attend, floats are added. Default `"boolean"`. */
  readonly mask?: "boolean" | "float";
  /** True if the node has its fourth output. Default: false. */
  readonly qkMatmulOutput?: boolean;
}

export interface OnnxAttention {
  /** For `softmax(options)`. */
  readonly options: SoftmaxOptions;
  /** For `attention(mechanism, backend, { causal })`. */
  readonly causal: boolean;
  /** The stage that `qk_matmul_output` returns, for `scores`. */
  readonly stage: Stage;
  /** The least precise float type in which `softmax_precision` is kept: the `dtype` of a backend. */
  readonly precision: "float32" | "float64";
  /**
   * The node as a program of its inputs by name: `Q K V [attn_mask] [past_key past_value] [nonpad_kv_seqlen]` to
   * `Y present_key present_value [qk_matmul_output]`. Runs at once as `program(backend.ops, x)`, and as
   * `backend.compile(program)`. `nonpad_kv_seqlen [B]` is given as floats, which is what operations are over.
   */
  readonly program: AttentionProgram;
}

/** `qk_matmul_output_mode` 0 to 3, numbered as corrected in 2026 (onnx#7913): softcap is mode 1, mask and bias mode 2. */
const STAGES: readonly Stage[] = ["scaled", "capped", "biased", "weights"];
/** `softmax_precision`, by `TensorProto.DataType`. */
const PRECISIONS: Readonly<Record<number, "float32" | "float64">> = {
  1: "float32",
  10: "float32",
  11: "float64",
  16: "float32",
};

/**
 * The ONNX operator `Attention` (opsets 23 to 25, with the corrections of 2026: softcap before masks, causal frontier of
 * a padded cache at its own end) as options of softmax attention, and as a program. docs/onnx-attention.md has every
 * attribute beside its rule here. Throws `ATTN_OPTION`; the program throws `ATTN_SHAPE`, `ATTN_OPTION` and
 * `ATTN_UNSUPPORTED`.
 */
export function fromOnnxAttention(
  attributes: OnnxAttentionAttributes = {},
  node: OnnxAttentionNode = {},
): OnnxAttention {
  const who = "fromOnnxAttention";
  knownOptions(who, attributes, NAMES);
  const plain = Object.fromEntries(
    Object.entries(attributes).map(([name, x]) => [name, typeof x === "bigint" ? Number(x) : x]),
  ) as Readonly<Record<keyof OnnxAttentionAttributes, number | undefined>>;
  knownOptions(who, node, ["opset", "mask", "qkMatmulOutput"]);
  const { opset = 25, mask = "boolean", qkMatmulOutput = false } = node;
  requireOption([23, 24, 25].includes(opset), who, "opset", opset, "23, 24 or 25");
  requireOption(typeof qkMatmulOutput === "boolean", who, "qkMatmulOutput", qkMatmulOutput, "true or false");
  requireOption(mask === "boolean" || mask === "float", who, "mask", mask, '"boolean" or "float"');

  const whole = (name: keyof OnnxAttentionAttributes, least: number, most: number, missing: number): number => {
    const n = plain[name];
    if (n === undefined) return missing;
    requireOption(
      Number.isInteger(n) && n >= least && n <= most,
      who,
      name,
      n,
      `a whole number from ${least} to ${most}`,
    );
    return n;
  };
  const most = 2 ** 31;
  const [left, right] = [whole("left_window_size", -1, most, -1), whole("right_window_size", -1, most, -1)];
  for (const name of ["left_window_size", "right_window_size"] as const)
    requireOption(
      opset >= 25 || plain[name] === undefined,
      who,
      name,
      plain[name],
      `none before opset 25, this is ${opset}`,
    );
  const { scale, softcap = 0 } = plain;
  requireOption(scale === undefined || isPositiveNumber(scale), who, "scale", scale, "a number above 0");
  requireOption(softcap === 0 || isPositiveNumber(softcap), who, "softcap", softcap, "0 or a number above 0");
  const type = whole("softmax_precision", 1, 16, 1);
  const precision = PRECISIONS[type];
  requireOption(precision !== undefined, who, "softmax_precision", type, "1, 10, 11 or 16: a float type");
  const heads = { q: whole("q_num_heads", 1, most, 0), kv: whole("kv_num_heads", 1, most, 0) };
  requireOption(
    (heads.q === 0) === (heads.kv === 0),
    who,
    "q_num_heads, kv_num_heads",
    `${heads.q}, ${heads.kv}`,
    "both or neither",
  );

  const options: SoftmaxOptions = {
    ...(scale !== undefined && { scale }),
    ...(softcap > 0 && { softcap }),
    ...((left >= 0 || right >= 0) && { window: [left, right] as const }),
  };
  const causal = whole("is_causal", 0, 1, 0) === 1;
  const stage = STAGES[whole("qk_matmul_output_mode", 0, 3, 0)]!;
  const shown = qkMatmulOutput ? stage : undefined;
  const program = attentionProgram({ options, causal, heads, mask, opset, ...(shown && { shown }) });
  return { options, causal, stage, precision: precision!, program };
}

const NAMES: readonly (keyof OnnxAttentionAttributes)[] = [
  "is_causal",
  "q_num_heads",
  "kv_num_heads",
  "scale",
  "softcap",
  "softmax_precision",
  "qk_matmul_output_mode",
  "left_window_size",
  "right_window_size",
];
