import { AttentionError } from "@attnkit/core";
import { DATA_TYPES, decodeModel, type ModelProto, type ValueInfoProto } from "./proto/onnx.ts";

/** Decodes the bytes of a file. Throws `ATTN_DATA` if they are not an ONNX model. */
export function readModel(file: Uint8Array): ModelProto {
  if (!(file instanceof Uint8Array)) throw refusal(`expected a Uint8Array, got ${typeof file}`);
  const model = decoded(file);
  if (model.irVersion <= 0n || model.opsetImport.length === 0 || model.graph === undefined) {
    throw refusal(`its ${file.length} bytes lack an IR version, an operator set or a graph`);
  }
  return model;
}

function decoded(file: Uint8Array): ModelProto {
  try {
    return decodeModel(file);
  } catch (error) {
    throw refusal(
      `its ${file.length} bytes are not a protobuf message: ${error instanceof Error ? error.message : error}`,
    );
  }
}

const refusal = (what: string) => new AttentionError("ATTN_DATA", "onnx", `not an ONNX model: ${what}`);

/** Returns the name of a data type as in ONNX's text format: `float`, `bool`, `int64`. */
export const typeName = (dataType: number): string => DATA_TYPES[dataType] ?? `type ${dataType}`;

/** Returns the sizes of a value, as in `["batch", "8", "1", "64"]`, or undefined if it has no shape. */
export function sizesOf({ type }: ValueInfoProto): readonly string[] | undefined {
  return type?.tensorType?.shape?.dim.map(({ dimValue, dimParam }) => String(dimValue ?? dimParam ?? "?"));
}
