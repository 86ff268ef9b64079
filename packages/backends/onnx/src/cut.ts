import type { Tensors } from "@attnkit/core";
import type { SymbolicShape } from "@attnkit/core/program";
import type { Graph } from "./graph.ts";
import { recording } from "./record.ts";
import type { Value } from "./value.ts";

/** Returns the size of an axis of `x` at run time, as an int64 tensor `[1]`. */
export const sizeAt = (g: Graph, x: Value, axis: number): Value =>
  g.node("Shape", [x], "int64", [1], { start: axis, end: axis + 1 });

/** Returns the number of tokens L at run time, as an int64 tensor `[1]`. */
export const lengthOf = (g: Graph, { q }: Tensors<Value>): Value => sizeAt(g, q!, q!.shape.length - 2);

/**
 * Pads `q k v` with zeros to a multiple of `size` tokens. Also returns a `keyMask`: 1 for real tokens, 0 for padding.
 * The padded length is the symbolic dimension `chunks` times `size`.
 */
export function fill(g: Graph, x: Tensors<Value>, size: number): Record<"q" | "k" | "v" | "keyMask", Value> {
  const q = x.q!;
  const integer = (op: string, a: Value, b: Value) => g.node(op, [a, b], "int64", [1]);
  const length = lengthOf(g, x);
  const chunks = integer("Div", integer("Add", length, g.ints(size - 1)), g.ints(size));
  const extra = integer("Sub", integer("Mul", chunks, g.ints(size)), length);
  g.measure("chunks", chunks);
  const long = (t: Value, axis: number) => {
    const rank = t.shape.length;
    const zeros = g.ints(...Array<number>(rank + axis).fill(0));
    const ends = [zeros, extra, ...(axis < rank - 1 ? [g.ints(...Array<number>(rank - axis - 1).fill(0))] : [])];
    const pads = g.node("Concat", ends, "int64", [2 * rank], { axis: 0 });
    return g.node("Pad", [t, pads], "float", t.shape.with(axis, g.sizes.symbol("chunks", size)));
  };
  const tokens = q.shape.length - 2;
  const batch = q.shape.length === 4 ? [sizeAt(g, q, 0)] : [];
  const present = x.keyMask
    ? recording(g).where(x.keyMask, 1, 0)
    : everywhere(g, 1, [...batch, length], [...(batch.length > 0 ? [q.shape[0]!] : []), q.shape[tokens]!]);
  return {
    q: long(q, tokens),
    k: long(x.k!, tokens),
    v: long(x.v!, tokens),
    keyMask: long(present, present.shape.length - 1),
  };
}

/** `value` in a tensor of the sizes that the runtime is told. */
export function everywhere(g: Graph, value: number, sizes: readonly Value[], shape: SymbolicShape): Value {
  const told = g.node("Concat", sizes, "int64", [sizes.length], { axis: 0 });
  return g.node("Expand", [g.floats([value], []), told], "float", shape);
}
