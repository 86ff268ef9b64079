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
  return `an object with ${names.slice(0, 4).join(", ") || "no entries"}${names.length > 4 ? ", ..." : ""}`;
}

/** The error of a backend that is handed something that is not a tensor of its own. */
export function notOwnTensor(who: string, x: unknown, type: string): AttentionError {
  return new AttentionError(
    "ATTN_DATA",
    who,
    `a tensor must be one of this backend; got ${describeValue(x)}, expected ${type}: upload(new Float32Array(values), shape) makes one`,
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
