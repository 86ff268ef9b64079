import { AttentionError } from "@attnkit/core";
import { isKnownShape, type SymbolicShape } from "@attnkit/core/program";
import type { Graph } from "./graph.ts";
import { BOOL, DOUBLE, FLOAT } from "./proto/onnx.ts";
import { knownShape } from "./sizes.ts";
import type { Numbers, Type, Value } from "./value.ts";

/** Conversions between floats and booleans, and operations on booleans. */
export interface Typed {
  /** Converts to float: booleans become 1 and 0, numbers become scalars. */
  float(x: Value | number): Value;
  /** Converts to boolean: true where `x` is not 0. */
  bool(x: Value): Value;
  and(a: Value, b: Value): Value;
  not(x: Value): Value;
  /** A tensor without elements. */
  empty(type: Type, shape: SymbolicShape): Value;
}

export function typed(g: Graph): Typed {
  const bytes = (data: Numbers) => Uint8Array.from(data as ArrayLike<number>, (x) => (x === 0 ? 0 : 1));
  const bool = (x: Value): Value => {
    if (x.type === "bool") return x;
    if (x.truth) return x.truth;
    if (x.data) return g.constant("bool", knownShape(x.shape), bytes(x.data));
    return g.node("Cast", [x], "bool", x.shape, { to: BOOL });
  };
  return {
    float(x) {
      if (typeof x === "number") return g.floats([x], []);
      if (x.type === "float") return x;
      if (x.data) return g.floats(x.data, knownShape(x.shape));
      const to = g.Float === Float32Array ? FLOAT : DOUBLE;
      return g.node("Cast", [x], "float", x.shape, { to }, x);
    },
    bool,
    and: (a, b) => g.node("And", [a, b], "bool", g.sizes.broadcast("where", a.shape, b.shape)),
    not: (x) =>
      x.data
        ? g.constant(
            "bool",
            knownShape(x.shape),
            bytes(x.data).map((b) => 1 - b),
          )
        : g.node("Not", [x], "bool", x.shape),
    empty: (type, shape) =>
      isKnownShape(shape)
        ? g.constant(type, shape, type === "float" ? new g.Float(0) : new Uint8Array(0))
        : unknown(shape),
  };
}

function unknown(shape: SymbolicShape): never {
  throw new AttentionError(
    "ATTN_UNSUPPORTED",
    "onnx",
    `a tensor without elements and with a symbolic size: [${shape.join(", ")}]`,
  );
}
