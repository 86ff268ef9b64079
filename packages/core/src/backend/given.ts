import { AttentionError } from "../program/errors.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Backend } from "./backend.ts";

/** A value in a few words, for error messages: `"a Float32Array of 4 values"`, `"a tensor of tfjs"`. */
export function describeValue(x: unknown): string {
  if (x === undefined || x === null || typeof x === "number" || typeof x === "boolean") return String(x);
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
    `a tensor must be one of this backend; got ${describeValue(x)}, expected ${type}: upload(new Float32Array(values), shape) makes one`,
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
