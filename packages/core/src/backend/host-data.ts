import { AttentionError } from "../program/errors.ts";
import type { Data, Shape } from "../program/ops.ts";
import { describeValue } from "./describe.ts";
import { checkedShape, dataShape, equalShapes } from "./shape-rules.ts";

/** Numbers or booleans in arrays of equal lengths: `[[1, 2], [3, 4]]` is a tensor of shape `[2, 2]`. */
export type NestedValues = readonly (number | boolean | NestedValues)[];

/** Values in row-major order with their shape. A `Uint8Array` holds booleans. */
export interface HostData {
  readonly data: Data;
  readonly shape: Shape;
}

const KINDS: readonly string[] = ["Float32Array", "Float64Array", "Uint8Array"];
const MOST_AXES = 32;

/**
 * Returns what the `upload` of a backend got: a typed array with its shape, or nested arrays, whose shape is their own.
 * Throws `ATTN_DATA` on other data, on another number of values and on ragged arrays, `ATTN_SHAPE` on a wrong shape.
 */
export function hostData(who: string, data: Data | NestedValues, shape?: Shape): HostData {
  const op = `${who}: upload(data, shape)`;
  if (Array.isArray(data)) return nestedData(op, data as NestedValues, shape);
  const kind = Object.prototype.toString.call(data).slice(8, -1); // unlike instanceof, the same in every realm
  if (!KINDS.includes(kind))
    throw new AttentionError(
      "ATTN_DATA",
      op,
      `got ${describeValue(data)} as data, expected Float32Array or Float64Array for floats, Uint8Array for booleans, or nested arrays`,
    );
  return { data: data as Data, shape: dataShape(op, (data as Data).length, shape as Shape) };
}

function nestedData(op: string, data: NestedValues, given?: Shape): HostData {
  const shape: number[] = [];
  let first: unknown = data;
  for (; Array.isArray(first) && shape.length <= MOST_AXES; first = first[0]) shape.push(first.length);
  const isBoolean = typeof first === "boolean";
  const values: number[] = [];
  const collect = (x: unknown, place: string, axis: number): void => {
    const fits = axis < shape.length ? Array.isArray(x) && x.length === shape[axis] : typeof x === typeof first;
    const isValue = axis < shape.length || isBoolean || typeof x === "number";
    if (!fits || !isValue) {
      const type = isBoolean ? "a boolean" : "a number";
      const expected = axis < shape.length ? `an array of ${shape[axis]} entries` : type;
      throw new AttentionError("ATTN_DATA", op, `got ${describeValue(x)} at data${place}, expected ${expected}`);
    }
    if (axis === shape.length) values.push(Number(x));
    else for (let i = 0; i < (x as unknown[]).length; i++) collect((x as unknown[])[i], `${place}[${i}]`, axis + 1);
  };
  collect(data, "", 0);
  if (given !== undefined && !equalShapes(checkedShape(op, given), shape))
    throw new AttentionError(
      "ATTN_SHAPE",
      op,
      `got the shape [${given.join(", ")}] for nested arrays, expected their own, [${shape.join(", ")}], or none`,
    );
  return { data: isBoolean ? Uint8Array.from(values) : Float64Array.from(values), shape };
}
