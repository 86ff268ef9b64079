/** The messages of ONNX models that attnkit writes or reads, from onnx.proto3 of ONNX 1.20 (IR version 13). */
import { decode, encode, type Field, type Fields, type FieldType, type Message } from "./wire.ts";

export interface ModelProto {
  readonly irVersion: bigint;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly opsetImport: readonly { readonly domain?: string; readonly version: bigint }[];
  readonly graph?: GraphProto;
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
}

export interface GraphProto {
  readonly name: string;
  readonly node: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
  readonly valueInfo: readonly ValueInfoProto[];
}

export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeProto[];
}

export interface AttributeProto {
  readonly name: string;
  /** A value of `AttributeType`. */
  readonly type: number;
  readonly f?: number;
  readonly i?: bigint;
  readonly s?: Uint8Array;
  readonly t?: TensorProto;
  readonly g?: GraphProto;
  readonly floats?: readonly number[];
  readonly ints?: readonly bigint[];
  readonly strings?: readonly Uint8Array[];
}

export interface TensorProto {
  readonly name: string;
  readonly dims: readonly bigint[];
  /** An index of `DATA_TYPES`. */
  readonly dataType: number;
  readonly rawData: Uint8Array;
}

export interface ValueInfoProto {
  readonly name: string;
  readonly type?: TypeProto;
}

/** The type of a value: exactly one field is given. Types other than tensors are kept as bytes. */
export interface TypeProto {
  readonly tensorType?: {
    readonly elemType: number;
    /** Absent if not even the rank is known. */
    readonly shape?: { readonly dim: readonly DimensionProto[] };
  };
  readonly sequenceType?: Uint8Array;
  readonly mapType?: Uint8Array;
  readonly sparseTensorType?: Uint8Array;
  readonly optionalType?: Uint8Array;
}

/** One axis: its size, its symbolic name, or neither if the size is unknown. */
export interface DimensionProto {
  readonly dimValue?: bigint;
  readonly dimParam?: string;
}

/** The numbers of `AttributeProto.AttributeType`, by name. */
export const AttributeType = {
  FLOAT: 1,
  INT: 2,
  STRING: 3,
  TENSOR: 4,
  GRAPH: 5,
  FLOATS: 6,
  INTS: 7,
  STRINGS: 8,
  TENSORS: 9,
  GRAPHS: 10,
  SPARSE_TENSOR: 11,
  SPARSE_TENSORS: 12,
  TYPE_PROTO: 13,
  TYPE_PROTOS: 14,
} as const;

/** The name of each `TensorProto.DataType` in ONNX's text format, by number. */
export const DATA_TYPES: readonly string[] = [
  ...["undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16"],
  ...["double", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz"],
  ...["float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0", "uint2", "int2"],
];

/** The numbers of the data types that attnkit writes. */
export const FLOAT: number = DATA_TYPES.indexOf("float");
export const INT64: number = DATA_TYPES.indexOf("int64");
export const BOOL: number = DATA_TYPES.indexOf("bool");
export const FLOAT16: number = DATA_TYPES.indexOf("float16");
export const DOUBLE: number = DATA_TYPES.indexOf("double");

const one = (number: number, type: FieldType): Field => ({ number, type });
const given = (number: number, type: FieldType): Field => ({ number, type, explicit: true });
const many = (number: number, type: FieldType): Field => ({ number, type, repeated: true });

const MODEL: Fields = {
  irVersion: one(1, "long"),
  producerName: one(2, "string"),
  producerVersion: one(3, "string"),
  graph: one(7, () => GRAPH),
  opsetImport: many(8, () => OPSET),
  metadataProps: many(14, () => ENTRY),
};
const OPSET: Fields = { domain: one(1, "string"), version: one(2, "long") };
const ENTRY: Fields = { key: one(1, "string"), value: one(2, "string") };
const GRAPH: Fields = {
  node: many(1, () => NODE),
  name: one(2, "string"),
  initializer: many(5, () => TENSOR),
  input: many(11, () => VALUE_INFO),
  output: many(12, () => VALUE_INFO),
  valueInfo: many(13, () => VALUE_INFO),
};
const NODE: Fields = {
  input: many(1, "string"),
  output: many(2, "string"),
  name: one(3, "string"),
  opType: one(4, "string"),
  attribute: many(5, () => ATTRIBUTE),
  domain: one(7, "string"),
};
const ATTRIBUTE: Fields = {
  name: one(1, "string"),
  f: given(2, "float"),
  i: given(3, "long"),
  s: given(4, "bytes"),
  t: one(5, () => TENSOR),
  g: one(6, () => GRAPH),
  floats: many(7, "float"),
  ints: many(8, "long"),
  strings: many(9, "bytes"),
  type: one(20, "int"),
};
const TENSOR: Fields = {
  dims: many(1, "long"),
  dataType: one(2, "int"),
  name: one(8, "string"),
  rawData: one(9, "bytes"),
};
const VALUE_INFO: Fields = { name: one(1, "string"), type: one(2, () => TYPE) };
const TYPE: Fields = {
  tensorType: given(1, () => TENSOR_TYPE),
  sequenceType: given(4, "bytes"),
  mapType: given(5, "bytes"),
  sparseTensorType: given(8, "bytes"),
  optionalType: given(9, "bytes"),
};
const TENSOR_TYPE: Fields = { elemType: one(1, "int"), shape: one(2, () => SHAPE) };
const SHAPE: Fields = { dim: many(1, () => DIMENSION) };
const DIMENSION: Fields = { dimValue: given(1, "long"), dimParam: given(2, "string") };

/** Returns the bytes of a model. The same model gives the same bytes. */
export const encodeModel = (model: ModelProto): Uint8Array => encode(MODEL, model as unknown as Message);

/** Decodes a model. Numbers and strings that are absent in the bytes get their default value. Throws an Error. */
export const decodeModel = (bytes: Uint8Array): ModelProto => withDefaults(MODEL, decode(MODEL, bytes)) as never;

const DEFAULTS: Readonly<Record<string, unknown>> = { int: 0, long: 0n, float: 0, double: 0, string: "" };

function withDefaults(fields: Fields, message: Message): Message {
  const all: Record<string, unknown> = {};
  for (const [name, { type, repeated, explicit }] of Object.entries(fields)) {
    const value = message[name];
    if (typeof type === "function") {
      const inner = (x: unknown) => withDefaults(type(), x as Message);
      if (repeated) all[name] = (value as unknown[]).map(inner);
      else if (value !== undefined) all[name] = inner(value);
    } else if (value !== undefined) all[name] = value;
    else if (!explicit) all[name] = type === "bytes" ? new Uint8Array() : DEFAULTS[type];
  }
  return all;
}
