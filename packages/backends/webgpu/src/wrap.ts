import { AttentionError, type Shape } from "@attnkit/core";
import { checkedShape } from "@attnkit/core/backend";
import { requireOneOf } from "@attnkit/core/program";
import { isBindable } from "./device/usage.ts";
import { bytesOf, type ElementType } from "./tensor.ts";

/** Throws `ATTN_DATA`, `ATTN_SHAPE` or `ATTN_OPTION` unless kernels can bind a tensor in this buffer. */
export function checkWrapped(
  device: GPUDevice,
  buffer: GPUBuffer,
  shape: Shape,
  offset: number,
  dtype: ElementType,
  dtypes: readonly ElementType[],
): void {
  const who = "webgpu: wrap(buffer, shape)";
  const require = (ok: boolean, message: string) => {
    if (!ok) throw new AttentionError("ATTN_DATA", who, message);
  };
  require(typeof buffer?.mapAsync === "function", `got ${typeof buffer} as buffer, expected a GPUBuffer`);
  checkedShape(who, shape);
  requireOneOf(who, "dtype", dtype, dtypes);
  require(isBindable(buffer), `got a buffer with the usage ${buffer.usage}, expected one with GPUBufferUsage.STORAGE`);
  const { mapState, size } = buffer;
  require(mapState === "unmapped", `got a buffer that is ${mapState}, expected an unmapped one`);
  const step = device.limits.minStorageBufferOffsetAlignment;
  require(Number.isInteger(offset) &&
    offset >= 0 &&
    offset % step ===
      0, `got offset ${offset}, expected a multiple of ${step} bytes (minStorageBufferOffsetAlignment)`);
  const bytes = bytesOf({ shape, dtype });
  require(offset + bytes <=
    size, `the shape [${shape.join(", ")}] in ${dtype} needs ${bytes} bytes from offset ${offset}; got a buffer of ${size} bytes, expected at least ${offset + bytes}`);
}
