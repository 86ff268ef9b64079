import { AttentionError } from "@attnkit/core";
import type { GraphProto, ModelProto, ValueInfoProto } from "./proto/onnx.ts";
import { readModel, sizesOf } from "./read.ts";

/** The first IR version that has the opset, by ONNX's own release table. */
const IR: Readonly<Record<number, number>> = {
  ...{ 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13, 26: 13 },
};

export interface OnnxSummary {
  readonly irVersion: number;
  /** Version by domain; ONNX's own is `"ai.onnx"`. */
  readonly opsets: Readonly<Record<string, number>>;
  /** Sizes by name, numbers and symbols as text. */
  readonly inputs: Readonly<Record<string, readonly string[]>>;
  readonly outputs: Readonly<Record<string, readonly string[]>>;
  readonly nodes: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The rules of ONNX's specification that hold for every graph, whatever its operators: each name is made once, and before
 * it is read, also across the graphs inside of nodes; inputs and outputs have types; every domain is imported; the IR
 * version has the opset. Throws `ATTN_DATA` with the first rule that is broken.
 */
export function checkOnnx(file: Uint8Array): OnnxSummary {
  const model = readModel(file);
  const opsets = opsetsOf(model);
  const least = IR[opsets["ai.onnx"] ?? 0];
  if (least !== undefined && model.irVersion < BigInt(least))
    fail(`opset ${opsets["ai.onnx"]} needs IR version ${least}, the model has ${model.irVersion}`);
  const graph = model.graph!;
  if (graph.name === "") fail("the graph has no name");
  const nodes = checkGraph(graph, new Set(), opsets);
  return {
    irVersion: Number(model.irVersion),
    opsets,
    inputs: sizes(graph.input),
    outputs: sizes(graph.output),
    nodes,
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
  };
}

function opsetsOf(model: ModelProto): Record<string, number> {
  const opsets: Record<string, number> = {};
  for (const { domain, version } of model.opsetImport) {
    const name = domain || "ai.onnx";
    if (name in opsets) fail(`domain ${name} is imported twice`);
    opsets[name] = Number(version);
  }
  return opsets;
}

/** The number of nodes, those of inner graphs included. `outer` are the names that an inner graph may read. */
function checkGraph(graph: GraphProto, outer: ReadonlySet<string>, opsets: Readonly<Record<string, number>>): number {
  const known = new Set(outer);
  const make = (name: string, what: string) => {
    if (name === "") fail(`${what} without a name in graph ${graph.name}`);
    if (known.has(name)) fail(`${name} is made twice: ${what} in graph ${graph.name}`);
    known.add(name);
  };
  for (const x of graph.input) {
    make(x.name, "an input");
    typed(x);
  }
  for (const x of graph.initializer) make(x.name, "a constant");
  let count = graph.node.length;
  for (const node of graph.node) {
    const what = `node ${node.name || node.opType}`;
    if (!((node.domain || "ai.onnx") in opsets)) fail(`${what} is of domain ${node.domain}, which is not imported`);
    for (const name of node.input) if (name !== "" && !known.has(name)) fail(`${what} reads ${name} before it is made`);
    for (const { g } of node.attribute) if (g) count += checkGraph(g, known, opsets);
    for (const name of node.output) if (name !== "") make(name, what);
  }
  for (const x of graph.output) {
    typed(x);
    if (!known.has(x.name)) fail(`output ${x.name} of graph ${graph.name} is never made`);
  }
  for (const x of graph.valueInfo) if (!known.has(x.name)) fail(`there is a type for ${x.name}, which is never made`);
  if (graph.output.length === 0) fail(`graph ${graph.name} has no output`);
  return count;
}

function typed(x: ValueInfoProto): void {
  const { tensorType, ...others } = x.type ?? {};
  const known = tensorType === undefined ? Object.keys(others).length > 0 : tensorType.elemType !== 0;
  if (!known) fail(`${x.name} has no type`);
}

const sizes = (values: readonly ValueInfoProto[]): Record<string, readonly string[]> =>
  Object.fromEntries(values.map((x) => [x.name, sizesOf(x) ?? []]));

function fail(rule: string): never {
  throw new AttentionError("ATTN_DATA", "onnx", `not a valid ONNX model: ${rule}`);
}
