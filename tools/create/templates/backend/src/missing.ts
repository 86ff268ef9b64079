import { AttentionError } from "@attnkit/core";

/**
 * Throws `ATTN_UNSUPPORTED` for an operation that is not written yet. Delete this file with its last use.
 *
 * @param signature The call as the suite makes it: `add(a, b)`.
 * @param returns The value and the shape that the operation must return.
 */
export function missing(signature: string, returns: string): never {
  const name = signature.slice(0, signature.indexOf("("));
  throw new AttentionError(
    "ATTN_UNSUPPORTED",
    "my-backend",
    `the operation ${name} is missing. Write ${signature} in src/ops.ts. It must return ${returns}`,
  );
}
