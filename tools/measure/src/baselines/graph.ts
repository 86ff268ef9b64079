import { create, toBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as Kind, ModelProtoSchema, TensorProto_DataType as Type } from "onnx-buf";

type Attribute = number | string | { readonly float: number };
type Port = readonly [name: string, type: "float" | "int32", rank: number];

/** One node as a model. An input or output named "" is omitted. Sizes are free. */
export interface Single {
  readonly op: string;
  /** `""` is ONNX's own domain. */
  readonly domain: "" | "com.microsoft";
  readonly opset: number;
  readonly inputs: readonly (Port | "")[];
  readonly outputs: readonly Port[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

export function single({ op, domain, opset, inputs, outputs, attributes = {} }: Single): Uint8Array {
  const info = ([name, type, rank]: Port) => {
    const dim = Array.from({ length: rank }, (_, i) => ({
      value: { case: "dimParam", value: `${name}.${i}` } as const,
    }));
    const elemType = type === "float" ? Type.FLOAT : Type.INT32;
    return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } as const } };
  };
  const node = {
    name: op,
    opType: op,
    domain,
    input: inputs.map((port) => (port === "" ? "" : port[0])),
    output: outputs.map(([name]) => name),
    attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...attributeOf(value) })),
  };
  const domains = domain === "" ? [] : [{ domain, version: 1n }];
  const model = create(ModelProtoSchema, {
    irVersion: opset >= 23 ? 11n : 10n,
    producerName: "attnkit-bench",
    opsetImport: [{ domain: "", version: BigInt(opset) }, ...domains],
    graph: {
      name: op,
      node: [node],
      input: inputs.flatMap((port) => (port === "" ? [] : [info(port)])),
      output: outputs.map(info),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

function attributeOf(value: Attribute): object {
  if (typeof value === "string") return { type: Kind.STRING, s: new TextEncoder().encode(value) };
  return typeof value === "number" ? { type: Kind.INT, i: BigInt(value) } : { type: Kind.FLOAT, f: value.float };
}
