import type { Causal } from "@attnkit/core";

export interface ExportDims {
  /** Default: any, chosen by who runs the model. */
  readonly B?: number;
  readonly Hq: number;
  /** Default Hq. */
  readonly Hkv?: number;
  /** Tokens of a block, queries and keys alike. Default: any from 1; always 1 where the form is `"decode"`. */
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
  /** Also take `mask [B, 1, L, P + L]`, boolean; `"per-head"`: `[B, Hq, L, P + L]`. Default false. */
  readonly mask?: boolean | "per-head";
  /** Also take `bias`, a float of one of these shapes. Default false. */
  readonly bias?: boolean | "per-head";
  /** Also take `keyMask [B, L]`, and what a state remembers of it. Default false. */
  readonly keyMask?: boolean;
  /** Also give `lse`. Default false. */
  readonly lse?: boolean;
  /**
   * Default float32. `"float16"`: `q k v bias y` and caches of keys and values; it is computed in float32, because squares,
   * sums and exponents leave float16's range (65504), and `lse` and states that are sums are float32 too.
   */
  readonly dtype?: "float16" | "float32" | "float64";
  /** 18 to 25; default 21. */
  readonly opset?: number;
  /**
   * Write one of the programs in ONNX nodes that `@attnkit/<mechanism>/onnx` attaches, made for ONNX Runtime's CPU
   * providers. Throws `ATTN_NO_KERNEL` where none takes the call, or where L is any and the program is cut by it, as causal
   * softmax is. Default false.
   */
  readonly fused?: boolean;
  /** Where L is any and the state has a fixed size: tokens computed at a time. Default 128. */
  readonly chunk?: number;
}
