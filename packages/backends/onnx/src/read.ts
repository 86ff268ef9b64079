import { AttentionError } from "@attnkit/core";
import { fromBinary } from "@bufbuild/protobuf";
import { TensorProto_DataType as DataType, type ModelProto, ModelProtoSchema, type ValueInfoProto } from "onnx-buf";

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
    return fromBinary(ModelProtoSchema, file);
  } catch (error) {
    throw refusal(`${file.length} bytes are no protobuf message: ${error instanceof Error ? error.message : error}`);
  }
}

const refusal = (what: string) => new AttentionError("ATTN_DATA", "onnx", `not an ONNX model: ${what}`);

/** `float`, `bool`, `int64`: as ONNX's textual form has them. */
export const typeName = (dataType: number): string => (DataType[dataType] ?? `type ${dataType}`).toLowerCase();

/** `[batch, 8, 1, 64]`, or nothing where a value has no shape. */
export function sizesOf({ type }: ValueInfoProto): readonly string[] | undefined {
  if (type?.value.case !== "tensorType") return undefined;
  return type.value.value.shape?.dim.map(({ value }) => (value.case === undefined ? "?" : String(value.value)));
}
