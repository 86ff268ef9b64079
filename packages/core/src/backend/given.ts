import { AttentionError, isAttentionError } from "../program/errors.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Shape } from "../program/ops.ts";
import type { Backend } from "./backend.ts";

/** A value in a few words, for error messages: `"a Float32Array of 4 values"`, `"a tensor of tfjs"`. */
export function describeValue(x: unknown): string {
  if (x === undefined || x === null || typeof x === "number" || typeof x === "boolean") return String(x);
  if (x === "") return "an empty string";
  if (typeof x !== "object") return `a ${typeof x}`;
  if (Array.isArray(x)) return `an array of ${x.length} entries`;
  const kind = Object.prototype.toString.call(x).slice(8, -1);
  if (ArrayBuffer.isView(x)) return `a ${kind}${"length" in x ? ` of ${x.length} values` : ""}`;
  if ("then" in x) return "a Promise, which must be awaited first";
  if ("dataId" in x) return "a tensor of tfjs";
  if ("dims" in x && "type" in x) return "a tensor of ONNX Runtime";
  if ("shape" in x && "data" in x) return "an array of the cpu backend";
  const names = Object.keys(x);
  return `an object${names.length > 0 ? ` with ${names.slice(0, 4).join(", ")}${names.length > 4 ? ", ..." : ""}` : " without entries"}`;
}

/** The error of a backend that is handed something that is not a tensor of its own. */
export function notOwnTensor(who: string, x: unknown, type: string): AttentionError {
  return new AttentionError(
    "ATTN_DATA",
    who,
    `a tensor must be one of this backend; got ${describeValue(x)}, expected ${type}: upload([[1, 2], [3, 4]]) or upload(new Float32Array(values), shape) makes one`,
  );
}

/** Throws `ATTN_OPTION` unless `x` is a mechanism. */
export function requireMechanism(who: string, x: Mechanism): void {
  if (typeof x === "object" && typeof x?.forward === "function" && typeof x.takes === "object") return;
  const call = typeof x === "function" ? `. Call it: ${(x as { name: string }).name || "softmax"}()` : "";
  const got = typeof x === "function" ? "a function" : describeValue(x);
  throw new AttentionError("ATTN_OPTION", who, `the first argument; got ${got}, expected a mechanism${call}`);
}

/** Throws `ATTN_OPTION` unless `x` is a backend. */
export function requireBackend<T>(who: string, x: Backend<T>): void {
  if (typeof x === "object" && typeof x?.shape === "function" && typeof x.compile === "function") return;
  const call = typeof x === "function" ? `. Call it: ${(x as { name: string }).name || "cpu"}()` : "";
  const got = typeof x === "function" ? "a function" : describeValue(x);
  throw new AttentionError("ATTN_OPTION", who, `the second argument; got ${got}, expected a backend${call}`);
}

/** Throws `ATTN_OPTION` unless `x`, the argument `name`, is a function. */
export function requireFunction(who: string, name: string, x: unknown): void {
  if (typeof x !== "function")
    throw new AttentionError("ATTN_OPTION", who, `${name} must be a function; got ${describeValue(x)}, expected one`);
}

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
