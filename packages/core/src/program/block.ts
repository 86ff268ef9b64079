/** Tensors by name. */
export type Tensors<T> = Readonly<Record<string, T>>;

/** A mechanism's memory of the tokens it has seen. It is never modified in place, so it can be forked. */
export type State<T> = Tensors<T>;

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
export interface Block<T> {
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
  /** The state that the previous block returned. */
  readonly state?: State<T> | undefined;
}

export interface Result<T> {
  /** `[B, Hq, L, dv]`, with the leading axes that q has. */
  readonly y: T;
  readonly state: State<T>;
  /** On request: natural logarithm of each row's normaliser, `[B, Hq, L]` (`[B, Hq, L, d]` where it is per channel). */
  readonly lse?: T | undefined;
}
