import { AttentionError } from "@attnkit/core";
import type { GraphProto, ModelProto, ValueInfoProto } from "./proto/onnx.ts";
import { readModel, sizesOf } from "./read.ts";

/** The first IR version that supports each opset, from the release table in ONNX's Versioning.md. */
const IR: Readonly<Record<number, number>> = {
  ...{ 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13, 26: 13 },
};

export interface OnnxSummary {
  readonly irVersion: number;
  /** The version of each imported operator set, by domain. ONNX's own domain is `"ai.onnx"`. */
  readonly opsets: Readonly<Record<string, number>>;
  /** The sizes of each input, by name. Numbers and symbolic dimensions are text: `["batch", "8", "1", "64"]`. */
  readonly inputs: Readonly<Record<string, readonly string[]>>;
  readonly outputs: Readonly<Record<string, readonly string[]>>;
  readonly nodes: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Checks the rules of the ONNX specification that hold for every graph, whatever its operators.
 *
 * - Each name is made once and before it is read, also across the graphs inside nodes.
 * - Inputs and outputs have types.
 * - Every operator's domain is imported.
 * - The IR version supports the opset.
 *
 * @returns The versions, inputs, outputs, number of nodes and metadata of the model.
 * @throws `ATTN_DATA` if `file` is not an ONNX model, or with the first rule that is broken.
 * @example
 * ```ts
 * const { inputs, nodes } = checkOnnx(await readFile("softmax.onnx"));
 * ```
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

/**
 * Returns the number of nodes, including those of inner graphs. `outer` holds the names that an inner graph may read.
 */
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
    if (!((node.domain || "ai.onnx") in opsets)) fail(`${what} uses the domain ${node.domain}, which is not imported`);
    for (const name of node.input) if (name !== "" && !known.has(name)) fail(`${what} reads ${name} before it is made`);
    for (const { g } of node.attribute) if (g) count += checkGraph(g, known, opsets);
    for (const name of node.output) if (name !== "") make(name, what);
  }
  for (const x of graph.output) {
    typed(x);
    if (!known.has(x.name)) fail(`output ${x.name} of graph ${graph.name} is never made`);
  }
  for (const x of graph.valueInfo)
    if (!known.has(x.name)) fail(`value_info gives a type for ${x.name}, which is never made`);
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
