/** Tensors by name. */
export type Tensors<T> = Readonly<Record<string, T>>;

declare const madeBy: unique symbol;

/**
 * A mechanism's memory of the tokens it has seen. It is never modified in place, so it can be forked.
 *
 * `M` is the name of the mechanism. A `State<T, "softmax">` is not assignable to a `State<T, "linear">`. A `State<T>` of no
 * named mechanism is assignable to both and from both, and so is a plain record of tensors: the way in for a state that was
 * uploaded or read from a file. Such states are checked when a call gets them.
 */
export interface State<T, M extends string = string> extends Tensors<T> {
  /** It exists in types only. As a method it relates each name to `string` in both directions, but not to another name. */
  readonly [madeBy]?: { by(mechanism: M): void }["by"];
}

/**
 * Which keys of its own block a query row may see: all (`false`), keys `0..i` (`true`), or keys `0..i + S - L` (`"end"`,
 * bottom-right). Keys already in the state are visible in every case. (SEMANTICS S3)
 */
export type Causal = boolean | "end";

/**
 * One block of tokens. Leading axes may be absent: `[L, d]` is one head, `[H, L, d]` one batch.
 *
 * Axis letters, here and everywhere: B batch, Hq query heads, Hkv key/value heads (Hq is a multiple of Hkv), L queries,
 * S keys of this block, P keys already in the state, d channels of q and k, dv channels of v and y.
 */
export type Block<T, M extends string = string> = {
  /** `[B, Hq, L, d]` */
  readonly q: T;
  /** `[B, Hkv, S, d]` */
  readonly k: T;
  /** `[B, Hkv, S, dv]` */
  readonly v: T;
  /** Boolean, true = may attend; broadcasts to `[B, Hq, L, P + S]`. */
  readonly mask?: T | undefined;
  /** Float, added to the scores; broadcasts to `[B, Hq, L, P + S]`; -Infinity masks. */
  readonly bias?: T | undefined;
  /** Boolean `[B, S]`, false = this key is absent, from the output and from the state. */
  readonly keyMask?: T | undefined;
  /** The state that the previous block returned, made by the mechanism named `M`. */
  readonly state?: State<T, M> | undefined;
};

export type Result<T, M extends string = string> = {
  /** `[B, Hq, L, dv]`, with the leading axes that q has. */
  readonly y: T;
  readonly state: State<T, M>;
  /** On request: natural logarithm of each row's normaliser, `[B, Hq, L]` (`[B, Hq, L, d]` where it is per channel). */
  readonly lse?: T | undefined;
};
