import type { Mechanism, Tensors } from "@attnkit/core";
import { isStateName, mechanismProgram } from "@attnkit/core/backend";
import { type Dim, type How, requireKnown } from "@attnkit/core/program";
import { everywhere, fill, lengthOf, sizeAt } from "./cut.ts";
import { Graph, needed } from "./graph.ts";
import { modelOf } from "./model.ts";
import { recording } from "./record.ts";
import type { Value } from "./value.ts";

export interface Chunkwise {
  readonly how: How;
  /** The number of tokens per chunk. */
  readonly size: number;
  readonly opset: number;
}

/**
 * Records a block of any length for a mechanism whose state has a fixed size.
 * ONNX `Scan` runs the program on one chunk after the other and passes the state on. Every split into chunks gives the
 * same result (SEMANTICS S12). Keys that pad the last chunk are masked (S4). If `causal` is false, a first `Scan`
 * computes the state of all keys, and a second one reads it.
 *
 * @param x `q`, `k`, `v`, `keyMask` if the file takes one, and `state.*` if the block continues a sequence.
 */
export function chunkwise(g: Graph, mechanism: Mechanism, x: Tensors<Value>, options: Chunkwise): Tensors<Value> {
  const { how, size } = options;
  const parts = cut(g, x, size);
  const program = mechanismProgram(mechanism, how);
  const state = initial(g, x, program);
  const bodyOf = (names: readonly string[], run: Run) => body(g, { state, parts, names }, run, options);
  const readNothing: Run = (o, y) => {
    const nothing = (t: Value) => o.slice(t, 2, 0, 1);
    const absent = o.where(o.slice(y.keyMask!, 1, 0, 1), 0, 0);
    return { ...program(o, { ...y, k: nothing(y.k!), v: nothing(y.v!), keyMask: absent }), ...stateOf(y) };
  };
  const wanted = ["y", ...(how.lse ? ["lse"] : [])];
  if (how.causal) return joined(g, x, bodyOf(wanted, program));
  const left = bodyOf([], program);
  // The state is passed through unchanged: ONNX Runtime refuses a Scan with an output that is never read.
  return joined(g, x, body(g, { state: stateOf(left), parts, names: wanted }, readNothing, options));
}

type Run = (o: ReturnType<typeof recording>, x: Tensors<Value>) => Tensors<Value>;

const stateOf = (x: Tensors<Value>): Tensors<Value> =>
  Object.fromEntries(Object.entries(x).filter(([name]) => isStateName(name)));

/**
 * Splits into chunks: `q k v [B, H, chunks, size, d]` and `keyMask [B, chunks, size]`, 1 for real tokens, 0 for
 * padding.
 */
function cut(g: Graph, x: Tensors<Value>, size: number): Tensors<Value> {
  const count = g.sizes.symbol("chunks");
  const split = (t: Value, axis: number) => {
    const [lead, after] = [t.shape.slice(0, axis), t.shape.slice(axis + 1)];
    const code = [...lead.map(() => 0), -1, size, ...after.map((n) => requireKnown("chunkwise", n))];
    return g.node("Reshape", [t, g.ints(...code)], "float", [...lead, count, size, ...after]);
  };
  return Object.fromEntries(
    Object.entries(fill(g, x, size)).map(([name, t]) => [name, split(t, name === "keyMask" ? 1 : 2)]),
  );
}

/** Returns the given state, or the state after one masked key, which equals the empty state. */
function initial(g: Graph, x: Tensors<Value>, program: Run): Tensors<Value> {
  const given = stateOf(x);
  if (Object.keys(given).length > 0) return given;
  const o = recording(g);
  const one = (t: Value) => o.slice(t, 2, 0, 1);
  const keyMask = everywhere(g, 0, [sizeAt(g, x.q!, 0), g.ints(1)], [x.q!.shape[0]!, 1]);
  return stateOf(program(o, { q: one(x.q!), k: one(x.k!), v: one(x.v!), keyMask }));
}

interface Loop {
  readonly state: Tensors<Value>;
  readonly parts: Tensors<Value>;
  /** Names of the outputs to keep from every chunk. */
  readonly names: readonly string[];
}

/**
 * Records the `Scan` node. Returns the new state, and the kept outputs with the axis of chunks before that of tokens.
 */
function body(g: Graph, { state, parts, names }: Loop, run: Run, { opset }: Chunkwise): Tensors<Value> {
  const inner = new Graph(g.Float, g.sizes);
  const tokens = (name: string) => (name === "keyMask" ? 1 : 2);
  const shapes = {
    ...Object.fromEntries(Object.entries(state).map(([name, x]) => [name, x.shape])),
    ...Object.fromEntries(Object.entries(parts).map(([name, x]) => [name, x.shape.toSpliced(tokens(name), 1)])),
  };
  const x = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, inner.input(`chunk.${name}`, "float", shape)]),
  );
  const made = run(recording(inner), x);
  const kept = [...Object.keys(state), ...names];
  const prefix = names.length > 0 ? "/chunk" : "/gather";
  const results = Object.fromEntries(kept.map((name) => [`${prefix.slice(1)}.out.${name}`, made[name]!]));
  // ONNX Runtime refuses a body that has an input it never reads.
  const read = needed(Object.values(results));
  const used = Object.keys(parts).filter((name) => read.includes(x[name]!));
  const graph = modelOf(inner, results, { opset, name: prefix.slice(1), prefix, valueInfo: true }).graph!;
  const chunks = parts.q!.shape[2]!;
  const outputs = g.nodes(
    "Scan",
    [...Object.values(state), ...used.map((name) => parts[name]!)],
    kept.map((name) => {
      const { shape } = made[name]!;
      return { type: "float", shape: name in state ? shape : shape.toSpliced(2, 0, chunks) };
    }),
    {
      body: { graph, toJSON: () => prefix },
      num_scan_inputs: used.length,
      scan_input_axes: used.map(tokens),
      ...(names.length > 0 && { scan_output_axes: names.map(() => 2) }),
    },
  );
  return Object.fromEntries(kept.map((name, i) => [name, outputs[i]!]));
}

/** Joins the outputs of all chunks into one block: `[B, H, chunks, size, ...] -> [B, H, L, ...]`. */
function joined(g: Graph, x: Tensors<Value>, outputs: Tensors<Value>): Tensors<Value> {
  const length = lengthOf(g, x);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, t]) => {
      if (isStateName(name)) return [name, t];
      const [b, h, , size, ...rest] = t.shape as [Dim, number, Dim, number, ...number[]];
      const code = g.ints(0, h, -1, ...rest);
      const long = g.node("Reshape", [t, code], "float", [b, h, g.sizes.symbol("chunks", size), ...rest]);
      const cutAt = [long, g.ints(0), length, g.ints(2)];
      return [name, g.node("Slice", cutAt, "float", [b, h, x.q!.shape[2]!, ...rest])];
    }),
  );
}
