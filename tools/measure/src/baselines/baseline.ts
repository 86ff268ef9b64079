import type { Backend, Options, Shape } from "@attnkit/core";

/** Sizes that the inputs of a baseline keep from call to call. */
export interface BaselineSizes {
  readonly Hq: number;
  readonly Hkv: number;
  readonly d: number;
  readonly dv: number;
}

export type Inputs = Readonly<Record<"q" | "k" | "v", unknown>>;

/**
 * Causal attention over a whole block by something that is not attnkit, in float32. `upload` and `download` translate
 * between attnkit's layout and its own, so that a call pays for neither.
 */
export interface Baseline {
  /** What computes, in words. */
  readonly device: string;
  /** `[B, Hq, L, d]`, `[B, Hkv, L, d]`, `[B, Hkv, L, dv]`. */
  upload(data: Float32Array, shape: Shape): unknown;
  attend(x: Inputs): Promise<unknown>;
  /** Resolves when what `attend` returned has been computed. */
  settle(y: unknown): Promise<void>;
  /** `[B, Hq, L, dv]`, row-major. */
  download(y: unknown): Promise<Float32Array>;
  /** The shape of what `download` gives. */
  shape(y: unknown): Shape;
  free(x: unknown): void;
  /** Elements of the largest tensor that it makes for q of this shape, as far as is known. */
  largest(q: Shape): number;
  /** The backend whose GPU it computes on, where that can be metered. */
  readonly metered?: Backend<unknown>;
  /** Where it is a product of matrices and not attention: operations for q of this shape. */
  flops?(q: Shape): number;
  /** Likewise: the largest error in sampled entries, as a share of the allowed one. */
  errorUsed?(y: unknown): Promise<number>;
}

/** What a user of a framework would run instead of attnkit. */
export interface BaselineEntry {
  readonly name: string;
  /** The backend of the catalog beside which it stands: same framework, same session options. */
  readonly backend: string;
  /** The mechanism and options whose reference its answers are checked against; a matmul has none, it is a yardstick. */
  readonly computes?: { readonly mechanism: string; readonly options: Options };
  /** Mechanisms that its times are compared with; all where absent: softmax attention is what anybody would use. */
  readonly beside?: readonly string[];
  /** Throws where the framework cannot run it here, or not in these sizes; `threads` as for the backend. */
  create(sizes: BaselineSizes, how?: { threads?: number }): Promise<Baseline>;
}
