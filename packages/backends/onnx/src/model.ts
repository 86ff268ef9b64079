import { elementCount } from "@attnkit/core/backend";
import { isKnown } from "@attnkit/core/program";
import { type Graph, needed } from "./graph.ts";
import {
  BOOL,
  DOUBLE,
  encodeModel,
  FLOAT,
  FLOAT16,
  type GraphProto,
  INT64,
  AttributeType as Kind,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./proto/onnx.ts";
import { knownShape } from "./sizes.ts";
import type { Type, Value } from "./value.ts";

/** The IR version of the ONNX release that introduced each opset. Readers of the opset can read it. */
const IR: Readonly<Record<number, number>> = { 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13 };

export interface ModelOptions {
  readonly opset: number;
  readonly name: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Declare inputs that no node reads, too. */
  readonly allInputs?: boolean;
  /** Write the type and shape of every value, for people and tools that read the file. */
  readonly valueInfo?: boolean;
  readonly version?: string;
  /**
   * A prefix of the names of nodes and constants. A graph inside another needs its own, because names must be unique.
   */
  readonly prefix?: string;
}

/** Returns a recorded graph as an ONNX ModelProto. The same graph gives the same message, field by field. */
export function modelOf(
  g: Graph,
  outputs: Readonly<Record<string, Value>>,
  options: ModelOptions,
): ModelProto & { readonly graph: GraphProto } {
  const values = needed(Object.values(outputs));
  const names = namesOf(values, options.prefix ?? "");
  const nameOf = (x: Value) => names.get(x)!;
  const typeOf = (t: Type) =>
    ({ float: g.Float === Float32Array ? FLOAT : DOUBLE, half: FLOAT16, int64: INT64, bool: BOOL })[t];
  const info = (name: string, { type, shape }: Value): ValueInfoProto => {
    const dim = shape.map((n) => (isKnown(n) ? { dimValue: BigInt(n) } : { dimParam: `${n}` }));
    return { name, type: { tensorType: { elemType: typeOf(type), shape: { dim } } } };
  };
  const constants = values.filter((x) => x.op === "constant");
  const inputs = options.allInputs ? g.inputs : g.inputs.filter((x) => names.has(x));
  const steps = values.filter((x) => !["constant", "input", "absent", "output"].includes(x.op));
  const further = values.filter((x) => x.op === "output");
  /** Returns the names of a node's outputs by position. The empty name is an output that no node reads. */
  const made = (x: Value) =>
    Array.from({ length: x.outputs ?? 1 }, (_, i) => {
      const other = i === 0 ? x : further.find((y) => y.from[0] === x && y.attributes.index === i);
      return other === undefined ? "" : nameOf(other);
    });
  const domains = [...new Set(steps.map((x) => domainOf(x.op)))].filter((domain) => domain !== "");
  const results = Object.entries(outputs).map(
    // An Identity node gives each result its own name, even if it is an input, is read inside, or is returned twice.
    ([name, x]): NodeProto => ({
      ...{ name, opType: "Identity", domain: "", attribute: [] },
      ...{ input: [nameOf(x)], output: [name] },
    }),
  );
  return {
    irVersion: BigInt(IR[options.opset]!),
    producerName: "attnkit",
    ...(options.version !== undefined && { producerVersion: options.version }),
    opsetImport: [
      { domain: "", version: BigInt(options.opset) },
      ...domains.map((domain) => ({ domain, version: 1n })),
    ],
    graph: {
      name: options.name,
      initializer: constants.map((x) => tensor(nameOf(x), x, typeOf(x.type))),
      input: inputs.map((x) => info(x.name!, x)),
      node: [...steps.map((x) => node(x, x.from.map(nameOf), made(x))), ...results],
      output: Object.entries(outputs).map(([name, x]) => info(name, x)),
      valueInfo: options.valueInfo ? steps.map((x) => info(nameOf(x), x)) : [],
    },
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
  };
}

export const bytesOf = (model: ModelProto): Uint8Array => encodeModel(model);

/**
 * Names all values. Inputs keep their names, nodes are numbered per operator, constants are named after their values.
 */
function namesOf(values: readonly Value[], prefix: string): Map<Value, string> {
  const counts = new Map<string, number>();
  return new Map(
    values.map((x) => {
      if (x.op === "input") return [x, x.name!];
      if (x.op === "absent") return [x, ""];
      const op = x.op === "output" ? x.from[0]!.op : x.op;
      const kind = prefix + (x.op === "constant" ? constantName(x) : `/${op.slice(op.lastIndexOf(".") + 1)}`);
      const n = counts.get(kind) ?? 0;
      counts.set(kind, n + 1);
      return [x, n === 0 ? kind : `${kind}_${n}`];
    }),
  );
}

function constantName({ type, shape, data }: Value): string {
  const few = Array.from(data!.slice(0, 7), String);
  const what = few.length <= 6 ? few.join(",") : "constant";
  return type === "int64" ? `/ints[${what}]` : `/${type}[${shape.length === 0 ? what : `${shape.join("x")}: ${what}`}]`;
}

const domainOf = (op: string): string => op.slice(0, Math.max(0, op.lastIndexOf(".")));

function node({ op, attributes }: Value, input: string[], output: string[]): NodeProto {
  const attribute = Object.entries(attributes).map(([name, value]) => {
    if (typeof value === "number") return { name, type: Kind.INT, i: BigInt(value) };
    if (typeof value === "string")
      return { name, type: Kind.STRING, s: Uint8Array.from(value, (c) => c.charCodeAt(0)) };
    if ("graph" in value) return { name, type: Kind.GRAPH, g: value.graph };
    if ("float" in value) return { name, type: Kind.FLOAT, f: value.float };
    return { name, type: Kind.INTS, ints: value.map(BigInt) };
  });
  const domain = domainOf(op);
  const opType = op.slice(domain.length && domain.length + 1);
  return { name: output[0]!, opType, domain, input, output, attribute };
}

function tensor(name: string, { shape, data, type }: Value, dataType: number): TensorProto {
  const numbers = type === "int64" ? BigInt64Array.from(data as readonly number[], BigInt) : (data as Float32Array);
  const { buffer, byteOffset, byteLength } = numbers;
  const dims = knownShape(shape);
  const rawData = new Uint8Array(elementCount(dims) === 0 ? 0 : byteLength);
  rawData.set(new Uint8Array(buffer, byteOffset, rawData.length));
  return { name, dims: dims.map(BigInt), dataType, rawData };
}
