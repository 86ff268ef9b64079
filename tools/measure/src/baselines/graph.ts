import { create, toBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as Kind, ModelProtoSchema, TensorProto_DataType as Type } from "onnx-buf";

type Attribute = number | string | { readonly float: number };
type Port = readonly [name: string, type: "float" | "int32", rank: number];

/** One node as a model. An input named "" is omitted. Sizes are free. */
export interface Single {
  readonly op: string;
  /** `""` is ONNX's own domain. */
  readonly domain: "" | "com.microsoft";
  readonly opset: number;
  readonly inputs: readonly (Port | "")[];
  readonly outputs: readonly Port[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/**
 * Returns the model. With `repeats`, it has that many nodes: each takes the first output of the one before instead of the first
 * input.
 */
export function single({ op, domain, opset, inputs, outputs, attributes = {} }: Single, repeats = 1): Uint8Array {
  const info = ([name, type, rank]: Port) => {
    const dim = Array.from({ length: rank }, (_, i) => ({
      value: { case: "dimParam", value: `${name}.${i}` } as const,
    }));
    const elemType = type === "float" ? Type.FLOAT : Type.INT32;
    return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } as const } };
  };
  const named = inputs.map((port) => (port === "" ? "" : port[0]));
  const step = (name: string, i: number) => (i === repeats - 1 ? name : `${name}.after${i}`);
  const nodes = Array.from({ length: repeats }, (_, i) => ({
    name: `${op}${i}`,
    opType: op,
    domain,
    input: named.map((name, at) => (at === 0 && i > 0 ? step(outputs[0]![0], i - 1) : name)),
    output: outputs.map(([name]) => step(name, i)),
    attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...attributeOf(value) })),
  }));
  const domains = domain === "" ? [] : [{ domain, version: 1n }];
  const model = create(ModelProtoSchema, {
    irVersion: opset >= 23 ? 11n : 10n,
    producerName: "attnkit-bench",
    opsetImport: [{ domain: "", version: BigInt(opset) }, ...domains],
    graph: {
      name: op,
      node: nodes,
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
