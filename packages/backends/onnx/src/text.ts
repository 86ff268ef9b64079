import { getFloat16 } from "@petamoriken/float16";
import {
  type AttributeProto,
  type GraphProto,
  AttributeType as Kind,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./proto/onnx.ts";
import { readModel, sizesOf, typeName } from "./read.ts";

/** The number of values of a constant that are written out. */
const MANY = 8;

/**
 * Writes a model in ONNX's text format, for reading, diffs and reviews. Of each constant, only the first 8 values are
 * written.
 *
 * @throws `ATTN_DATA` if the bytes are not an ONNX model.
 * @example
 * ```ts
 * console.log(toText(exportOnnx(softmax(), { form: "decode", dims: { Hq: 8, d: 64 } })));
 * ```
 */
export function toText(file: Uint8Array): string {
  const model = readModel(file);
  const opsets = model.opsetImport.map(({ domain, version }) => `${quoted(domain ?? "")} : ${version}`);
  const fields = [
    `ir_version: ${model.irVersion}`,
    `opset_import: [${opsets.join(", ")}]`,
    ...(model.producerName ? [`producer_name: ${quoted(model.producerName)}`] : []),
    ...(model.producerVersion ? [`producer_version: ${quoted(model.producerVersion)}`] : []),
    ...(model.metadataProps.length > 0
      ? [`metadata_props: [${model.metadataProps.map((p) => `${quoted(p.key)} : ${quoted(p.value)}`).join(", ")}]`]
      : []),
  ];
  return `<\n${fields.map((f) => `  ${f}`).join(",\n")}\n>\n${graphText(model.graph!, "")}\n`;
}

function graphText(graph: GraphProto, indent: string): string {
  const signature = (values: readonly ValueInfoProto[]) => values.map(declared).join(", ");
  const known = [...graph.initializer.map(constant), ...graph.valueInfo.map(declared)];
  const values = known.length > 0 ? `\n${indent}<\n${known.map((x) => `${indent}  ${x}`).join(",\n")}\n${indent}>` : "";
  const nodes = graph.node.map((n) => `${indent}  ${nodeText(n, `${indent}  `)}\n`).join("");
  const head = `${identifier(graph.name)} (${signature(graph.input)}) => (${signature(graph.output)})`;
  return `${head}${values}\n${indent}{\n${nodes}${indent}}`;
}

function nodeText({ name, domain, opType, input, output, attribute }: NodeProto, indent: string): string {
  const attributes = attribute.length > 0 ? ` <${attribute.map((a) => attributeText(a, indent)).join(", ")}>` : "";
  const label = name === "" || name === output[0] ? "" : `[${quoted(name)}] `;
  const op = domain === "" ? opType : `${domain}.${opType}`;
  return `${label}${output.map(identifier).join(", ")} = ${op}${attributes} (${input.map(identifier).join(", ")})`;
}

function attributeText(a: AttributeProto, indent: string): string {
  const number = (x: number) => (Number.isInteger(x) ? `${x}.0` : String(Math.fround(x)));
  const bytes = (x: Uint8Array) => quoted(Array.from(x, (byte) => String.fromCharCode(byte)).join(""));
  switch (a.type) {
    case Kind.INT:
      return `${a.name} = ${a.i ?? 0}`;
    case Kind.INTS:
      return `${a.name} = [${a.ints!.join(", ")}]`;
    case Kind.FLOAT:
      return `${a.name} = ${number(a.f ?? 0)}`;
    case Kind.FLOATS:
      return `${a.name} = [${a.floats!.map(number).join(", ")}]`;
    case Kind.STRING:
      return `${a.name} = ${bytes(a.s ?? new Uint8Array())}`;
    case Kind.STRINGS:
      return `${a.name} = [${a.strings!.map(bytes).join(", ")}]`;
    case Kind.GRAPH:
      return `${a.name} = ${graphText(a.g!, `${indent}  `)}`;
    case Kind.TENSOR:
      return `${a.name} = ${constant(a.t!)}`;
    default:
      return `${a.name} = ${Object.entries(Kind).find(([, n]) => n === a.type)?.[0] ?? `type ${a.type}`}`;
  }
}

function declared(value: ValueInfoProto): string {
  const { tensorType, ...others } = value.type ?? {};
  const element = tensorType ? typeName(tensorType.elemType) : (Object.keys(others)[0] ?? "untyped");
  const sizes = sizesOf(value);
  const shape = sizes === undefined ? "[]" : sizes.length === 0 ? "" : `[${sizes.map(size).join(",")}]`;
  return `${element}${shape} ${identifier(value.name)}`;
}

function constant(x: TensorProto): string {
  const shape = x.dims.length > 0 ? `[${x.dims.join(",")}]` : "";
  const count = x.dims.reduce((n, d) => n * Number(d), 1);
  const few = firstNumbers(x, Math.min(count, MANY));
  const rest = few === undefined ? `${count} values` : count > MANY ? `, ... ${count - MANY} more` : "";
  return `${typeName(x.dataType)}${shape} ${identifier(x.name)} = {${few?.join(", ") ?? ""}${rest}}`;
}

/**
 * Reads the first n numbers of a constant from its raw bytes. Returns undefined for types that attention does not use,
 * and for data stored otherwise.
 */
function firstNumbers({ dataType, rawData }: TensorProto, n: number): string[] | undefined {
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const readers: Readonly<Record<string, readonly [bytes: number, read: (at: number) => unknown]>> = {
    float16: [2, (at) => getFloat16(view, at, true)],
    float: [4, (at) => view.getFloat32(at, true)],
    double: [8, (at) => view.getFloat64(at, true)],
    int64: [8, (at) => view.getBigInt64(at, true)],
    int32: [4, (at) => view.getInt32(at, true)],
    bool: [1, (at) => view.getUint8(at)],
  };
  const found = readers[typeName(dataType)];
  if (!found || rawData.length < n * found[0]) return undefined;
  return Array.from({ length: n }, (_, i) => String(found[1](i * found[0])));
}

const size = (text: string): string => (/^(\d+|\w+)$/.test(text) ? text : quoted(text));
const identifier = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) || name === "" ? name : quoted(name));
const quoted = (text: string): string => JSON.stringify(text);
