import { AttentionError, type Shape } from "@attnkit/core";
import { checkedShape, elementCount } from "@attnkit/core/backend";
import { isKnown, multipleOf, type SymbolicDim, type SymbolicShape } from "@attnkit/core/program";
import { baseOf, Sizes } from "./sizes.ts";
import type { Numbers, Type, Value } from "./value.ts";

export type FloatArray = typeof Float32Array | typeof Float64Array;

/** Returns a text that is equal for equal bytes, and different for different bytes. */
export function textOf(data: Numbers): string {
  if (Array.isArray(data)) return data.join();
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

/** A graph that is being recorded. Equal constants and equal nodes exist once. */
export class Graph {
  readonly sizes: Sizes;
  readonly Float: FloatArray;
  readonly inputs: Value[] = [];
  #count = 0;
  readonly #known = new Map<string, Value>();
  readonly #lengths = new Map<string, Value>();

  /** `sizes` are those of the graph that this one is inside of. */
  constructor(Float: FloatArray, sizes: Sizes = new Sizes()) {
    this.Float = Float;
    this.sizes = sizes;
  }

  input(name: string, type: Type, shape: SymbolicShape): Value {
    const value: Value = { id: this.#count++, type, shape, op: "input", from: [], attributes: {}, name };
    this.inputs.push(value);
    return value;
  }

  constant(type: Type, shape: Shape, data: Numbers): Value {
    return this.#once(`${type}|${shape}|${textOf(data)}`, {
      type,
      shape,
      op: "constant",
      from: [],
      attributes: {},
      data,
    });
  }

  floats(data: ArrayLike<number>, shape: Shape): Value {
    return this.constant("float", checkedShape("constant", shape), new this.Float(data));
  }

  /** Makes an int64 constant `[n]`, as ONNX takes shapes, axes and positions. */
  ints(...data: readonly number[]): Value {
    return this.constant("int64", [data.length], data);
  }

  /** The value that a symbolic size has when the graph runs, `[1]`. */
  size(n: SymbolicDim): Value {
    const factor = n.multipleOf;
    const [one, own] = this.#measured(baseOf(n));
    if (own === factor) return one;
    if (factor % own === 0) return this.node("Mul", [one, this.ints(factor / own)], "int64", [1]);
    return this.node("Div", [this.node("Mul", [one, this.ints(factor)], "int64", [1]), this.ints(own)], "int64", [1]);
  }

  /** Gives the symbolic dimension `base` its value at run time. It is needed if no input has that size. */
  measure(base: string, value: Value): void {
    this.#lengths.set(base, value);
  }

  /** Returns a known multiple of the symbolic dimension `base`, and the factor: `[factor * base, factor]`. */
  #measured(base: string): [Value, number] {
    const known = this.#lengths.get(base);
    if (known) return [known, 1];
    for (const x of this.inputs) {
      const axis = x.shape.findIndex((n) => !isKnown(n) && baseOf(n) === base);
      if (axis < 0) continue;
      const one = this.node("Shape", [x], "int64", [1], { start: axis, end: axis + 1 });
      return [one, multipleOf(x.shape[axis]!)];
    }
    throw new AttentionError(
      "ATTN_UNSUPPORTED",
      "onnx",
      `symbolic dimension ${base} is unknown at run time: no input has it as a size`,
    );
  }

  full(shape: Shape, value: number, type: "float" | "bool" = "float"): Value {
    const n = elementCount(shape);
    return this.constant(type, shape, type === "bool" ? new Uint8Array(n).fill(value) : new this.Float(n).fill(value));
  }

  node(
    op: string,
    from: readonly Value[],
    type: Type,
    shape: SymbolicShape,
    attributes: Value["attributes"] = {},
    truth?: Value,
  ): Value {
    const key = `${op}|${from.map((x) => x.id)}|${JSON.stringify(attributes)}`;
    return this.#once(key, { type, shape, op, from, attributes, ...(truth && { truth }) });
  }

  /** Makes a node with several outputs and returns all of them. */
  nodes(
    op: string,
    from: readonly Value[],
    outputs: readonly Pick<Value, "type" | "shape">[],
    attributes: Value["attributes"] = {},
  ): Value[] {
    const key = `${op}|${from.map((x) => x.id)}|${JSON.stringify(attributes)}|${outputs.length}`;
    const first = this.#once(key, { ...outputs[0]!, op, from, attributes, outputs: outputs.length });
    const others = outputs.slice(1).map((x, i) => {
      const at = { index: i + 1 };
      return this.#once(`output|${first.id}|${i + 1}`, { ...x, op: "output", from: [first], attributes: at });
    });
    return [first, ...others];
  }

  /** Stands for an optional input that is left out. */
  absent(): Value {
    return this.#once("absent", { type: "float", shape: [], op: "absent", from: [], attributes: {} });
  }

  #once(key: string, value: Omit<Value, "id">): Value {
    const found = this.#known.get(key);
    if (found) return found;
    const made = { id: this.#count++, ...value };
    this.#known.set(key, made);
    return made;
  }
}

/** Returns every value that the results depend on, in an order in which they can be computed. */
export function needed(results: readonly Value[]): Value[] {
  const found = new Set<Value>();
  const queue = [...results];
  for (let x = queue.pop(); x; x = queue.pop()) {
    if (found.has(x)) continue;
    found.add(x);
    queue.push(...x.from);
  }
  return [...found].sort((a, b) => a.id - b.id);
}
