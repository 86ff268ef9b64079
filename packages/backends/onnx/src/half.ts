import type { Tensors } from "@attnkit/core";
import { f16round, setFloat16 } from "@petamoriken/float16";
import type { Graph } from "./graph.ts";
import { FLOAT, FLOAT16 } from "./proto/onnx.ts";
import { from, rewritten } from "./rewrite.ts";
import { knownShape } from "./sizes.ts";
import type { Value } from "./value.ts";

/** Constants with fewer elements are kept in float32: the Cast node would need more bytes than it saves. */
const FEW = 64;

/** Casts the chosen outputs to float16. The others are returned unchanged. */
export const asHalf = (g: Graph, outputs: Tensors<Value>, chosen: (name: string) => boolean): Tensors<Value> =>
  Object.fromEntries(
    Object.entries(outputs).map(([name, x]) => [
      name,
      chosen(name) && x.type === "float" ? g.node("Cast", [x], "half", x.shape, { to: FLOAT16 }) : x,
    ]),
  );

/** Stores large constants as float16 if all their values are exact in it, such as masks and positions. */
export const halfConstants = (g: Graph, outputs: Tensors<Value>): Tensors<Value> =>
  rewritten(outputs, (x, values) => {
    if (x.op !== "constant" || x.type !== "float" || x.data!.length < FEW) return from(g, x, values);
    const data = Array.from(x.data!);
    if (!data.every((n) => Object.is(f16round(n), n))) return x;
    return g.node("Cast", [g.constant("half", knownShape(x.shape), bitsOf(data))], "float", x.shape, { to: FLOAT });
  });

function bitsOf(data: readonly number[]): Uint16Array {
  const view = new DataView(new ArrayBuffer(2));
  return Uint16Array.from(data, (x) => {
    setFloat16(view, 0, x, true);
    return view.getUint16(0, true);
  });
}
