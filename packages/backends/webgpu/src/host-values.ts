import type { Data, Shape } from "@attnkit/core";
import { dataShape, hostData, type NestedValues } from "@attnkit/core/backend";
import { fromHalves, toHalves } from "./halves.ts";
import type { ElementType, FloatType } from "./tensor.ts";

/** Halves on the host: a `Float16Array`, or their 16 bits. */
export type HalfData =
  | Uint16Array
  | (ArrayBufferView & { readonly length: number; readonly [Symbol.toStringTag]: "Float16Array" });

/** Values as the queue writes them. */
export interface StoredValues {
  readonly values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  readonly shape: Shape;
  readonly dtype: ElementType;
}

/**
 * Returns a copy of host data as it is stored, floats as `type`. `halves`: data may be halves too.
 * @throws `ATTN_DATA` on other data, `ATTN_SHAPE` on a wrong shape.
 */
export function storedValues(
  given: Data | HalfData | NestedValues,
  givenShape: Shape | undefined,
  type: FloatType,
  halves: boolean,
): StoredValues {
  if (halves && isHalves(given)) {
    const shape = dataShape("webgpu: upload(data, shape)", given.length, givenShape as Shape);
    const bits = new Uint16Array(given.buffer, given.byteOffset, given.length);
    return { values: type === "float16" ? bits.slice() : fromHalves(bits), shape, dtype: type };
  }
  const { data, shape } = hostData("webgpu", given as Data | NestedValues, givenShape);
  if (kindOf(data) === "Uint8Array")
    return { values: Int32Array.from(data, (b) => (b ? 1 : 0)), shape, dtype: "boolean" };
  const floats = new Float32Array(data);
  return { values: type === "float16" ? toHalves(floats) : floats, shape, dtype: type };
}

/** Unlike `instanceof`, it is the same in every realm. */
const kindOf = (x: unknown): string => Object.prototype.toString.call(x).slice(8, -1);

const isHalves = (x: unknown): x is HalfData => ["Uint16Array", "Float16Array"].includes(kindOf(x));
