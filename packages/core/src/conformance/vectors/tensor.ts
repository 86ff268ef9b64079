import { AttentionError } from "../../program/errors.ts";
import type { Data, Shape } from "../../program/ops.ts";
import { size } from "../host.ts";

/** As a file has it. `data` is base64 of the little-endian bytes, row-major; a boolean is one byte, 0 or 1. */
export interface EncodedTensor {
  readonly dtype: "float32" | "float64" | "bool";
  readonly shape: Shape;
  readonly data: string;
}

/** The same, decoded: Float32Array, Float64Array, or Uint8Array for booleans. */
export interface VectorTensor {
  readonly shape: Shape;
  readonly data: Data;
}

// Both exist in browsers and in Node, and in no type library that they share.
declare function atob(text: string): string;
declare function btoa(bytes: string): string;

const bytesPer = { float32: 4, float64: 8, bool: 1 } as const;

export const dtypeOf = ({ data }: VectorTensor): EncodedTensor["dtype"] =>
  data instanceof Uint8Array ? "bool" : data instanceof Float64Array ? "float64" : "float32";

export function encode(x: VectorTensor): EncodedTensor {
  const dtype = dtypeOf(x);
  const view = new DataView(new ArrayBuffer(x.data.length * bytesPer[dtype]));
  x.data.forEach((value, i) => {
    if (dtype === "float32") view.setFloat32(4 * i, value, true);
    else if (dtype === "float64") view.setFloat64(8 * i, value, true);
    else view.setUint8(i, value === 0 ? 0 : 1);
  });
  let text = "";
  for (let i = 0; i < view.byteLength; i++) text += String.fromCharCode(view.getUint8(i));
  return { dtype, shape: [...x.shape], data: btoa(text) };
}

/** Throws `ATTN_DATA`, naming `where`. */
export function decode(x: unknown, where: string): VectorTensor {
  const fail = (message: string): never => {
    throw new AttentionError("ATTN_DATA", where, message);
  };
  if (typeof x !== "object" || x === null) return fail(`got ${JSON.stringify(x)}, expected { dtype, shape, data }`);
  const { dtype, shape, data } = x as Partial<EncodedTensor>;
  if (dtype === undefined || !(dtype in bytesPer))
    return fail(`dtype is ${JSON.stringify(dtype)}, expected float32, float64 or bool`);
  if (!Array.isArray(shape) || !shape.every((n) => Number.isInteger(n) && n >= 0)) {
    return fail(`shape is ${JSON.stringify(shape)}, expected sizes`);
  }
  if (typeof data !== "string") return fail(`data is ${typeof data}, expected base64 text`);
  const bytes = bytesOf(data) ?? fail("data is not base64");
  const count = size(shape);
  const wanted = count * bytesPer[dtype];
  if (bytes.length !== wanted)
    return fail(`data has ${bytes.length} bytes, expected ${wanted} for ${dtype} [${shape}]`);
  const view = new DataView(bytes.buffer);
  if (dtype === "bool") return { shape, data: bytes };
  if (dtype === "float32")
    return { shape, data: Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true)) };
  return { shape, data: Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i, true)) };
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return undefined;
  }
}
