import type { Call } from "@attnkit/core/program";
import type { Storage } from "../host.ts";

/**
 * A mechanism whose state is one matrix per head, `A = sum_j psi(k_j) v_j^T`, which a row reads as `phi(q) A`. The
 * fields are WGSL expressions in which mechanisms differ. `p` holds `numbers` and the sizes of `Layout`.
 */
export interface MatrixState {
  readonly name: string;
  /** Returns true, or the reason for refusing. Sizes that exceed the device's buffers are refused separately. */
  accepts?(call: Call): true | string;
  /** Factors that the expressions read as fields of `p`. */
  numbers?(call: Call): Readonly<Record<string, number>>;
  /** The factors of the product `q.k`, as expressions of `x`, one channel. */
  readonly q: string;
  readonly k: string;
  /** The weight of a pair as an expression of `x = q.k`, element-wise on a `vec4f`. Default: `x`. */
  readonly weight?: string;
  /** The feature map. Default: one feature per channel, `q` and `k` themselves. */
  readonly features?: Features;
  /**
   * True: weights are `sum_c exp(q_c + k_c)` instead of `q.k`. The state of channel c is scaled by `exp(-m_c)`, where
   * `m_c` is its largest key (MATH 1.4).
   */
  readonly rescaled?: boolean;
  /** The summand, as an expression of `x`, an entry of v. Default: `x`. */
  readonly value?: string;
  /** The divisor of a row's sum: the sum of its weights, the square root of the number of visible keys, or none. */
  readonly divisor: "weights" | "count" | "none";
  /** The storage of y. Default: that of the host's results. */
  readonly storage?: Storage;
  /** An entry of y, as an expression of the divided sum `x`. Default: `x`. */
  readonly y?: string;
  /** An expression that multiplies the sum of the weights in `lse`. Default: 1. */
  readonly lseFactor?: string;
  /** Names of the state's entries: the matrix, the divisor, the largest keys. */
  readonly state: { readonly sums: string; readonly divisor?: string; readonly top?: string };
}

/** A feature map, as bodies of WGSL functions of `at`, the index where a token starts, and `f`, the feature. */
export interface Features {
  size(d: number): number;
  /** Reads channel c of q as `q_channel(at, c)`. */
  readonly q: string;
  readonly k: string;
  /** WGSL functions that the bodies call. They can only read `p`. */
  readonly helpers: string;
}

/** Returns the WGSL that kernels with features start with. */
export const helpers = ({ features }: MatrixState): string => features?.helpers ?? "";

/** The properties of a call that change the text of its kernels. */
export interface Facts {
  readonly causal: boolean;
  readonly keyMask: boolean;
  readonly state: boolean;
  readonly lse: boolean;
  /** The state after the block is written. */
  readonly keeps: boolean;
  /** Totals of chunks are computed: false if no later chunk and no state needs them. */
  readonly sums: boolean;
  /** Rows read a state before their chunk: false if it would be empty for every row. */
  readonly before: boolean;
}

/** Returns w, the columns of a state's row: dv values, the divisor if there is one, the largest key if rescaled. */
export const columns = (form: MatrixState, dv: number): number =>
  dv + (form.divisor === "none" ? 0 : 1) + (form.rescaled ? 1 : 0);

/** Returns WGSL that reads keys. `at` is the index where a token starts in k, `head` is one of B Hkv. */
export const readKeys = (form: MatrixState, { keyMask }: Pick<Facts, "keyMask">): string => `
fn present(head: u32, key: u32) -> bool { return ${keyMask ? "bool(keyMask_at(head / p.Hkv * p.S + key))" : "true"}; }
fn k_channel(at: u32, c: u32) -> f32 { let x = k_at(at + c); return ${form.k}; }
fn k_feature(at: u32, f: u32) -> f32 { ${form.features?.k ?? "return k_channel(at, f);"} }
`;

export const readQueries = (form: MatrixState): string => `
fn q_channel(at: u32, c: u32) -> f32 { let x = q_at(at + c); return ${form.q}; }
fn q_feature(at: u32, f: u32) -> f32 { ${form.features?.q ?? "return q_channel(at, f);"} }
`;

export const readValues = (form: MatrixState): string => `
fn value(at: u32) -> f32 { let x = v_at(at); return ${form.value ?? "x"}; }
`;

/** Returns WGSL that turns sums into outputs. `n` is the divisor, `top` the exponent by which both were scaled. */
export const finish = (form: MatrixState): string => {
  const divided = {
    weights: "select(sum / n, sum, n == 0.0)",
    count: "sum / sqrt(max(n, 1.0))",
    none: "sum",
  }[form.divisor];
  return `
fn log_or_empty(x: f32) -> f32 { return select(logarithm(x), p.empty, x == 0.0); }
fn output(sum: f32, n: f32) -> f32 { let x = ${divided}; return ${form.y ?? "x"}; }
fn normaliser(n: f32, top: f32) -> f32 { let x = log_or_empty(n${form.lseFactor ? ` * ${form.lseFactor}` : ""}); return select(x + top, x, n == 0.0); }
`;
};

/** A finite exponent smaller than every exponent of a key, as in core. */
export const EMPTY = "-1e30";
