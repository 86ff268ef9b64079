import type { Tensors } from "@attnkit/core";
import { isStateName, type Program } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import { fill, lengthOf } from "./cut.ts";
import type { Graph } from "./graph.ts";
import type { Value } from "./value.ts";

/**
 * Turns a program for lengths that are multiples of `size` into one for any length. The block is padded with masked
 * keys (SEMANTICS S4), and the rows of the padding are dropped from the outputs.
 */
export function filled(g: Graph, program: Program, size: number): (o: Ops<Value>, x: Tensors<Value>) => Tensors<Value> {
  return (o, x) => {
    const axis = x.q!.shape.length - 2;
    const open = x.q!.shape[axis]!;
    const outputs = program(o, { ...x, ...fill(g, x, size) });
    return Object.fromEntries(
      Object.entries(outputs).map(([name, y]) => {
        if (isStateName(name)) return [name, y];
        const cut = [y, g.ints(0), lengthOf(g, x), g.ints(axis)];
        return [name, g.node("Slice", cut, y.type, y.shape.with(axis, open))];
      }),
    );
  };
}
