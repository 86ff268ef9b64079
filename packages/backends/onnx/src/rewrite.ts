import { type Graph, needed } from "./graph.ts";
import type { Value } from "./value.ts";

/** Rebuilds a graph: `change` maps each value, and the already changed values that it was made from, to a new value. */
export function rewritten(
  outputs: Readonly<Record<string, Value>>,
  change: (x: Value, from: readonly Value[]) => Value,
): Readonly<Record<string, Value>> {
  const made = new Map<Value, Value>();
  const now = (x: Value) => made.get(x)!;
  for (const x of needed(Object.values(outputs))) made.set(x, change(x, x.from.map(now)));
  return Object.fromEntries(Object.entries(outputs).map(([name, x]) => [name, now(x)]));
}

/** Returns the same value computed from other inputs. */
export function from(g: Graph, x: Value, values: readonly Value[]): Value {
  if (values.every((y, i) => y === x.from[i])) return x;
  if (x.outputs !== undefined) return g.nodes(x.op, values, Array(x.outputs).fill(x), x.attributes)[0]!;
  return g.node(x.op, values, x.type, x.shape, x.attributes, x.truth);
}
