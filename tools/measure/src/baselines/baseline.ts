import type { Backend, Options, Shape } from "@attnkit/core";

/** The sizes of a baseline's inputs that are the same in every call. */
export interface BaselineSizes {
  readonly Hq: number;
  readonly Hkv: number;
  readonly d: number;
  readonly dv: number;
}

export type Inputs = Readonly<Record<"q" | "k" | "v", unknown>>;

/**
 * Causal attention over a whole block, computed by something other than attnkit, in float32. `upload` and `download`
 * convert between attnkit's layout and the baseline's, so that a timed call does not.
 */
export interface Baseline {
  /** A description of the device that computes. */
  readonly device: string;
  /** Uploads q `[B, Hq, L, d]`, k `[B, Hkv, L, d]` or v `[B, Hkv, L, dv]`. */
  upload(data: Float32Array, shape: Shape): unknown;
  attend(x: Inputs): Promise<unknown>;
  /** Resolves when the result of `attend` has been computed. */
  settle(y: unknown): Promise<void>;
  /** Downloads the result, `[B, Hq, L, dv]`, row-major. */
  download(y: unknown): Promise<Float32Array>;
  /** Returns the shape of the data that `download` returns. */
  shape(y: unknown): Shape;
  free(x: unknown): void;
  /** Returns the number of elements of the largest tensor for q of this shape, as far as it is known. */
  largest(q: Shape): number;
  /** The backend whose GPU it computes on, if that GPU can be metered. */
  readonly metered?: Backend<unknown>;
  /** Only for a plain matrix product: the number of operations for q of this shape. */
  flops?(q: Shape): number;
  /** Only for a plain matrix product: the largest error of sampled entries, divided by the allowed one. */
  errorUsed?(y: unknown): Promise<number>;
  /** Returns the gradients of `sum(seed * y)` with respect to q, k and v. Absent where the framework has no gradients. */
  gradients?(x: Inputs, seed: unknown): Promise<Inputs>;
}

export interface BaselineHow {
  /** Threads of one operation. It has the same meaning as for the backend. */
  readonly threads?: number;
  /**
   * ONNX Runtime only: the number of times that the operator is applied in one call, each time to its last output instead of q.
   * The difference of two numbers is the time of the operator without the transfer of inputs. Default 1.
   */
  readonly repeats?: number;
}

/** A program that a user of a framework would run instead of attnkit. */
export interface BaselineEntry {
  readonly name: string;
  /** The catalog's backend that it is compared with. Both use the same framework and session options. */
  readonly backend: string;
  /**
   * The mechanism and options whose reference checks its answers. Absent for a matrix product, which is a yardstick.
   */
  readonly computes?: { readonly mechanism: string; readonly options: Options };
  /**
   * The mechanisms that its times are compared with. Absent: all of them, because softmax attention is the usual
   * choice.
   */
  readonly beside?: readonly string[];
  /**
   * Throws if the framework cannot run it on this machine or in these sizes.
   */
  create(sizes: BaselineSizes, how?: BaselineHow): Promise<Baseline>;
}
