/** Stable codes: programs may branch on them, messages may change. */
export type ErrorCode =
  /** Shapes that disagree with each other or with the mechanism. */
  | "ATTN_SHAPE"
  /** A state that another mechanism, other options or other sizes made. */
  | "ATTN_STATE"
  /** An option outside what the mechanism defines. */
  | "ATTN_OPTION"
  /** A feature the mechanism or backend declares that it lacks. */
  | "ATTN_UNSUPPORTED"
  /** `kernels: "require"` and no kernel accepts the call. */
  | "ATTN_NO_KERNEL"
  /** Data of a type or length the backend cannot take. */
  | "ATTN_DATA"
  /** The device that computes is lost, was released, or refused a command. */
  | "ATTN_DEVICE";

/** Every error attnkit throws on purpose. Not matched by `instanceof` inside attnkit: two copies of core may meet. */
export class AttentionError extends Error {
  override readonly name = "AttentionError";
  readonly code: ErrorCode;

  /** `who` is the mechanism, backend or function that refuses; the message says what was got and what was expected. */
  constructor(code: ErrorCode, who: string, message: string) {
    super(`${who}: ${message}`);
    this.code = code;
  }
}

/**
 * Returns whether `error` is an `AttentionError`, with the given code if there is one. It works across copies of core.
 */
export function isAttentionError(error: unknown, code?: ErrorCode): error is AttentionError {
  return error instanceof Error && error.name === "AttentionError" && "code" in error && (!code || error.code === code);
}
