import { AttentionError } from "../program/errors.ts";

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

/** Throws `ATTN_OPTION` unless `x`, the argument `name`, is a function. */
export function requireFunction(who: string, name: string, x: unknown): void {
  if (typeof x !== "function")
    throw new AttentionError("ATTN_OPTION", who, `${name} must be a function; got ${describeValue(x)}, expected one`);
}
