import {
  BOOL,
  DATA_TYPES,
  decodeModel,
  encodeModel,
  FLOAT,
  INT64,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from "./proto/onnx.ts";

/** ONNX operators whose output is boolean. */
const PREDICATES = ["And", "Or", "Not", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "IsNaN", "IsInf"];

/**
 * Returns the kinds of nodes in a model, such as `Concat(bool, bool)`, each with a model of one such node, in order of
 * appearance. If a provider refuses a model, each of these shows whether it refuses that kind.
 */
export function kindsOfNodes(model: Uint8Array): Map<string, Uint8Array> {
  const whole = decodeModel(model);
  const graph = whole.graph!;
  const types = new Map<string, number>();
  for (const { name, type } of graph.input) {
    if (type?.tensorType) types.set(name, type.tensorType.elemType);
  }
  for (const { name, dataType } of graph.initializer) types.set(name, dataType);
  const kinds = new Map<string, Uint8Array>();
  for (const node of graph.node) {
    const type = typeOf(node, types);
    for (const output of node.output) types.set(output, type);
    const read = node.input.map((name) => (name === "" ? "" : (DATA_TYPES[types.get(name)!] ?? "")));
    const kind = `${node.opType}(${read.join(", ")})`;
    if (!kinds.has(kind)) kinds.set(kind, encodeModel(alone(whole, node, types)));
  }
  return kinds;
}

/** Returns the type of a node's outputs. */
function typeOf({ opType, input, attribute }: NodeProto, types: ReadonlyMap<string, number>): number {
  if (PREDICATES.includes(opType)) return BOOL;
  if (opType === "Cast") return Number(attribute.find((a) => a.name === "to")!.i);
  if (opType === "Shape" || opType === "Size") return INT64;
  return types.get(input[opType === "Where" ? 1 : 0]!) ?? FLOAT;
}

/** Returns a model with a single node and the constants it reads. Everything else that it reads becomes an input. */
function alone(
  { graph, irVersion, opsetImport }: ModelProto,
  node: NodeProto,
  types: ReadonlyMap<string, number>,
): ModelProto {
  const info = (name: string): ValueInfoProto => ({ name, type: { tensorType: { elemType: types.get(name)! } } });
  const initializer = graph!.initializer.filter((x) => node.input.includes(x.name));
  const fed = [...new Set(node.input)].filter((name) => name !== "" && !initializer.some((x) => x.name === name));
  return {
    irVersion,
    opsetImport,
    metadataProps: [],
    graph: {
      name: "probe",
      node: [node],
      initializer,
      input: fed.map(info),
      output: node.output.filter((name) => name !== "").map(info),
      valueInfo: [],
    },
  };
}
