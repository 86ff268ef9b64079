import { elementCount, nonNegativeAxis } from "@attnkit/core/backend";
import type { GpuTensor } from "../tensor.ts";

/** A tensor as `outer` blocks of `n` entries of `inner` contiguous elements. */
export interface Around {
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
}

/** Splits a tensor at `axis`. Throws `ATTN_SHAPE` if there is no such axis. */
export function around(op: string, { shape }: Pick<GpuTensor, "shape">, axis: number): Around {
  const at = nonNegativeAxis(op, shape, axis);
  return { outer: elementCount(shape.slice(0, at)), n: shape[at]!, inner: elementCount(shape.slice(at + 1)) };
}
