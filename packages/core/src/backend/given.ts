import { AttentionError, isAttentionError } from "../program/errors.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Shape } from "../program/ops.ts";
import type { Backend } from "./backend.ts";
import { describeValue } from "./describe.ts";

/** The error of a backend that is handed something that is not a tensor of its own. */
export function notOwnTensor(who: string, x: unknown, type: string): AttentionError {
  return new AttentionError(
    "ATTN_DATA",
    who,
    `a tensor must be one of this backend; got ${describeValue(x)}, expected ${type}: upload([[1, 2], [3, 4]]) or upload(new Float32Array(values), shape) makes one`,
  );
}

/** Throws `ATTN_OPTION` unless `ok`. A factory that was not called is named as `name` where it has no name. */
function requireArgument(ok: boolean, who: string, x: unknown, expected: string, name: string): void {
  if (ok) return;
  const call = typeof x === "function" ? `. Call it: ${x.name || name}()` : "";
  throw new AttentionError("ATTN_OPTION", who, `got ${describeValue(x)}, expected ${expected}${call}`);
}

/** Throws `ATTN_OPTION` unless `x` is a mechanism. */
export const requireMechanism = (who: string, x: Mechanism): void =>
  requireArgument(
    typeof x === "object" && typeof x?.forward === "function" && typeof x.takes === "object",
    ...([who, x, "a mechanism as first argument", "softmax"] as const),
  );

/** Throws `ATTN_OPTION` unless `x` is a backend. */
export const requireBackend = <T>(who: string, x: Backend<T>): void =>
  requireArgument(
    typeof x === "object" && typeof x?.shape === "function" && typeof x.compile === "function",
    ...([who, x, "a backend as second argument", "cpu"] as const),
  );

/** The shape of entry `name` of a call. Throws `ATTN_DATA` on everything that is not a live tensor of the backend. */
export function shapeOfEntry<T>(
  who: string,
  backend: Pick<Backend<T>, "name" | "shape">,
  x: T,
  name: string,
  prefix = "",
): Shape {
  let cause: unknown;
  if (x !== undefined && x !== null) {
    try {
      const shape = backend.shape(x);
      if (Array.isArray(shape)) return shape;
    } catch (error) {
      cause = error;
    }
  }
  const why = isAttentionError(cause) ? cause.message : notOwnTensor(backend.name, x, "a tensor of it").message;
  const remedy = x === null || x === undefined ? ". Leave out an entry that is not there" : "";
  const error = new AttentionError(
    isAttentionError(cause) ? cause.code : "ATTN_DATA",
    who,
    `${prefix}${name} is not a tensor that can be read. ${why}${remedy}`,
  );
  error.cause = cause;
  throw error;
}
