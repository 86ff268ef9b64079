import { type Graph, needed } from "./graph.ts";
import type { Value } from "./value.ts";

/** The graph with every value replaced by what `change` makes of it and of the changed values it is from. */
export function rewritten(
  g: Graph,
  outputs: Readonly<Record<string, Value>>,
  change: (x: Value, from: readonly Value[]) => Value,
): Readonly<Record<string, Value>> {
  const made = new Map<Value, Value>();
  for (const x of needed(Object.values(outputs))) {
    made.set(
      x,
      change(
        x,
        x.from.map((y) => made.get(y)!),
      ),
    );
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, x]) => [name, made.get(x)!]));
}

/** The same node, of other values. */
export const from = (g: Graph, x: Value, values: readonly Value[]): Value =>
  values.every((y, i) => y === x.from[i]) ? x : g.node(x.op, values, x.type, x.shape, x.attributes, x.truth);
