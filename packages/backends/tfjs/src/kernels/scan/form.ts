import type { Call } from "@attnkit/core/program";

/**
 * A mechanism whose past is one matrix per head, `A = sum_j psi(k_j) v_j^T`, so that a row reads it as `phi(q) A`. What
 * differs from one mechanism to the next, as WGSL expressions; `p` holds `numbers` and the sizes of `Layout`.
 */
export interface MatrixState {
  readonly name: string;
  /** True, or why not; sizes that no buffer holds are refused beside this. */
  accepts?(call: Call): true | string;
  /** Factors that the expressions read as fields of `p`. */
  numbers?(call: Call): Readonly<Record<string, number>>;
  /** What enters a product `q.k`: expressions of `x`, one channel. */
  readonly q: string;
  readonly k: string;
  /** Weight of a pair, of `x = q.k`, elementwise on a `vec4f`; default `x`. */
  readonly weight?: string;
  /** Features; default: one per channel, `q` and `k` themselves. */
  readonly features?: Features;
  /**
   * Weights are `sum_c exp(q_c + k_c)` instead of `q.k`: the state of a channel is scaled by `exp(-m)`, m its largest key
   * (MATH 1.4).
   */
  readonly rescaled?: boolean;
  /** What is summed, an expression of `x`, an entry of v; default `x`. */
  readonly value?: string;
  /** What a row's sum is divided by: its weights' sum, the square root of the keys it sees, or nothing. */
  readonly divisor: "weights" | "count" | "none";
  /** An entry of y, of the divided sum `x`; default `x`. */
  readonly y?: string;
  /** Multiplies the sum of the weights in `lse`; an expression, default none. */
  readonly lseFactor?: string;
  /** Names of the state's entries: the matrix, the divisor's share, the largest keys. */
  readonly state: { readonly sums: string; readonly divisor?: string; readonly top?: string };
}

/** More features than channels: bodies of WGSL functions of `at`, where a token starts, and `f`, the feature. */
export interface Features {
  size(d: number): number;
  /** Reads channel c of q as `q_channel(at, c)`. */
  readonly q: string;
  readonly k: string;
  /** WGSL functions that they call; they know `p` alone. */
  readonly helpers: string;
}

/** What kernels that read features start with. */
export const helpers = ({ features }: MatrixState): string => features?.helpers ?? "";

/** What of a call decides on the text of its kernels. */
export interface Facts {
  readonly causal: boolean;
  readonly keyMask: boolean;
  readonly state: boolean;
  readonly lse: boolean;
}

/** Columns of a state's row: dv values, then what divides them, then the largest key. */
export const columns = (form: MatrixState, dv: number): number =>
  dv + (form.divisor === "none" ? 0 : 1) + (form.rescaled ? 1 : 0);

/** How kernels read keys: `at` is where a token starts in k, `head` one of B Hkv. */
export const readKeys = (form: MatrixState, { keyMask }: Pick<Facts, "keyMask">): string => `
fn present(head: u32, key: u32) -> bool { return ${keyMask ? "keyMask[head / p.Hkv * p.S + key] != 0" : "true"}; }
fn k_channel(at: u32, c: u32) -> f32 { let x = f32(k[at + c]); return ${form.k}; }
fn k_feature(at: u32, f: u32) -> f32 { ${form.features?.k ?? "return k_channel(at, f);"} }
`;

export const readQueries = (form: MatrixState): string => `
fn q_channel(at: u32, c: u32) -> f32 { let x = f32(q[at + c]); return ${form.q}; }
fn q_feature(at: u32, f: u32) -> f32 { ${form.features?.q ?? "return q_channel(at, f);"} }
`;

export const readValues = (form: MatrixState): string => `
fn value(at: u32) -> f32 { let x = f32(v[at]); return ${form.value ?? "x"}; }
`;

/** How sums become outputs: `n` is the divisor, `top` the exponent that both were scaled by. */
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

/** A finite exponent below every one that is seen, as in core. */
export const EMPTY = "-1e30";
