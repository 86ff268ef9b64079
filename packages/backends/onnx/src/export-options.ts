import type { Causal } from "@attnkit/core";

export interface ExportDims {
  /** The batch size. Default: a symbolic dimension, chosen at run time. */
  readonly B?: number;
  readonly Hq: number;
  /** Default: Hq. */
  readonly Hkv?: number;
  /**
   * Tokens per block, queries and keys alike. Default: a symbolic dimension >= 1. It is always 1 if the form is
   * `"decode"`.
   */
  readonly L?: number;
  readonly d: number;
  /** Default: d. */
  readonly dv?: number;
}

export interface ExportOptions {
  /**
   * The kind of call. `"prefill"`: L tokens without a state. `"block"`: L tokens after a state. `"decode"`: one token
   * after a state.
   */
  readonly form: "prefill" | "block" | "decode";
  /** Which keys a query may see, as in `attention`. Default: false. */
  readonly causal?: Causal;
  readonly dims: ExportDims;
  /**
   * The file takes `mask`, boolean. `true`: `[B, 1, L, P + L]`. `"per-head"`: `[B, Hq, L, P + L]`. P is the number of
   * past tokens. Default: false.
   */
  readonly mask?: boolean | "per-head";
  /** The file takes `bias`, a float tensor with the shapes of `mask`. Default: false. */
  readonly bias?: boolean | "per-head";
  /** The file takes `keyMask [B, L]`, and a state that remembers it. Default: false. */
  readonly keyMask?: boolean;
  /** The file also returns `lse [B, Hq, L]`. Default: false. */
  readonly lse?: boolean;
  /**
   * The type of the tensors in the file. Default: `"float32"`.
   * `"float16"` applies to `q k v bias y` and to caches of keys and values. The computation is float32: squares, sums
   * and exponentials exceed float16's range of 65504. `lse`, and states that are sums, are float32 as well.
   */
  readonly dtype?: "float16" | "float32" | "float64";
  /** The ONNX operator set, 18 to 25. Default: 21. */
  readonly opset?: number;
  /**
   * Use one of the programs in ONNX nodes that `@attnkit/<mechanism>/onnx` attaches, written for ONNX Runtime's CPU
   * providers. Throws `ATTN_NO_KERNEL` if none accepts the call. Causal softmax also needs a number for L, because its
   * program splits the block by length. Default: false.
   */
  readonly fused?: boolean;
  /** Tokens computed at a time, if L is symbolic and the state has a fixed size. An integer >= 1. Default: 128. */
  readonly chunk?: number;
}
