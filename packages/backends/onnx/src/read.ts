import { AttentionError } from "@attnkit/core";
import { DATA_TYPES, decodeModel, type ModelProto, type ValueInfoProto } from "./proto/onnx.ts";

/** The bytes of a file as a model. Throws `ATTN_DATA` where they are none. */
export function readModel(file: Uint8Array): ModelProto {
  if (!(file instanceof Uint8Array)) throw refusal(`expected a Uint8Array, got ${typeof file}`);
  const model = decoded(file);
  if (model.irVersion <= 0n || model.opsetImport.length === 0 || model.graph === undefined) {
    throw refusal(`${file.length} bytes have no IR version, operator set or graph`);
  }
  return model;
}

function decoded(file: Uint8Array): ModelProto {
  try {
    return decodeModel(file);
  } catch (error) {
    throw refusal(`${file.length} bytes are no protobuf message: ${error instanceof Error ? error.message : error}`);
  }
}

const refusal = (what: string) => new AttentionError("ATTN_DATA", "onnx", `not an ONNX model: ${what}`);

/** `float`, `bool`, `int64`: as ONNX's textual form has them. */
export const typeName = (dataType: number): string => DATA_TYPES[dataType] ?? `type ${dataType}`;

/** `[batch, 8, 1, 64]`, or nothing where a value has no shape. */
export function sizesOf({ type }: ValueInfoProto): readonly string[] | undefined {
  return type?.tensorType?.shape?.dim.map(({ dimValue, dimParam }) => String(dimValue ?? dimParam ?? "?"));
}
