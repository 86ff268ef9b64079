import type { Kernel } from "../backend/kernel.ts";
import type { Block, Result, State } from "./block.ts";
import type { Call, Dims, How, Options } from "./call.ts";
import type { Output } from "./merge-outputs.ts";
import type { Ops } from "./ops.ts";

/** Block features that a mechanism may lack: true, or the reason. Key masks, causality, grouped heads and state all have. */
export interface Takes {
  readonly mask: true | string;
  readonly bias: true | string;
  readonly lse: true | string;
}

/** The shape of one state entry. `"P"` is the axis of the keys held so far, which lengthens with every token. */
export interface StateEntry {
  readonly shape: readonly (number | "P")[];
  /** Present only in some states (softmax remembers a key mask only once one was given). */
  readonly optional?: boolean;
}

/**
 * One attention mechanism: a program over `Ops`, written once, for every backend. `M` is the type of its name: a factory
 * that returns `Mechanism<"softmax">` gives its states a type of their own (see `State`).
 */
export interface Mechanism<M extends string = string> {
  readonly name: M;
  readonly options: Options;
  /**
   * The options that a state depends on, with their defaults filled in; default `options`. A state that was made under others is refused with `ATTN_STATE`.
   */
  readonly stateOptions?: Options;
  /** Largest |q| and |k| for which the result stays within its error budget in float32; beyond, it stays finite. */
  readonly domain: { readonly q: number; readonly k: number };
  readonly takes: Takes;
  /**
   * The entries of the state for these sizes. Where a mechanism has more than one form of state, `names` are the entries
   * of a given state, and the answer is the form that they belong to.
   */
  state(dims: Dims, names?: readonly string[]): Readonly<Record<string, StateEntry>>;
  /**
   * For backends that record programs. The recorded program works for every block length L = S that is a multiple of this
   * number. While it is recorded, L is unknown: `shape` then reports the axis as a `SymbolicDim` with this `multipleOf`.
   * If it is absent or undefined, each length has a program of its own.
   */
  granularity?(call: Call): number | undefined;
  /** Rules beyond the shared ones; throws an `AttentionError`. */
  check?(call: Call): void;
  /**
   * One block in, its outputs and the new state out, all of rank 4: `q [B, Hq, L, d]`, `k [B, Hkv, S, d]`,
   * `v [B, Hkv, S, dv]`, masks and bias of rank 4, `keyMask [B, S]`. `state` is never modified. While a program is
   * recorded, B and the length of a cache may be symbolic dimensions, and L as `granularity` says.
   */
  forward<T>(o: Ops<T>, block: Block<T>, how: How): Result<T>;
  /** `merge(state(A), state(B)) = state(A then B)`; associative. (SEMANTICS S11) */
  merge<T>(o: Ops<T>, a: State<T>, b: State<T>): State<T>;
  /** Outputs over two sets of keys made one, where y is not a plain average of v (see `mergeOutputs`). */
  mergeOutputs?<T>(o: Ops<T>, a: Output<T>, b: Output<T>): Output<T>;
  readonly kernels?: readonly Kernel<unknown>[];
}
