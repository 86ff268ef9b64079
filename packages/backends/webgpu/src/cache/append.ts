import type { Block } from "@attnkit/core";
import { allKeysPresent, appendKeys as appendedByCopy, type CacheOps } from "@attnkit/core/program";
import type { CachedKeys } from "@attnkit/wgsl";
import type { Gpu } from "../ops/gpu.ts";
import { bytesOf, type GpuTensor } from "../tensor.ts";
import { extended } from "./extended.ts";
import { writeLast } from "./write.ts";

/**
 * Returns keys and values of a block's state followed by the block's own (SEMANTICS S4, S9). They lie token after token in
 * buffers with room for more, which they share with the state. Only the block's own tokens are written if no live tensor sees
 * tokens behind the state. Otherwise the state is copied to new buffers before, with room for `capacity` tokens or for twice
 * the length.
 * @param appliesMask True if the key mask of tokens that are copied as bytes may be left to the kernel, as `unapplied`.
 */
export function appendKeys(
  gpu: Gpu,
  ops: CacheOps<GpuTensor, number>,
  capacity: number,
  block: Block<GpuTensor>,
  appliesMask: boolean,
): CachedKeys<GpuTensor> {
  const { k, v, keyMask, state } = block;
  const [pastK, pastV] = [state?.k, state?.v];
  if (!pastK || !pastV || !canShare([pastK, pastV, state?.keep], [k, v])) return appendedByCopy(ops, block);
  const pastKeep = state?.keep ?? (keyMask && allKeysPresent(ops, pastK));
  const longer = (past: GpuTensor, axis: number) => extended(gpu, past, axis, k.shape[2]!, capacity);
  const made = { k: longer(pastK, 2), v: longer(pastV, 2), keep: pastKeep && longer(pastKeep, 1) };
  const keep = made.keep && !keyMask ? allKeysPresent(ops, k) : undefined;
  const masked = writeLast(gpu, { k, v, keyMask, keep }, made, appliesMask);
  return { ...made, ...(!masked && { unapplied: keyMask }) };
}

/** Floats whose tokens are whole words can share a buffer. A dispatch cannot read the buffer that it writes. */
function canShare(past: readonly (GpuTensor | undefined)[], own: readonly GpuTensor[]): boolean {
  const given = past.filter((x) => x !== undefined);
  const inWords = (x: GpuTensor) => {
    const bytes = (n: number) => bytesOf({ ...x, shape: x.shape.with(x.shape.length === 4 ? 2 : 1, n) });
    return bytes(2) === 2 * bytes(1);
  };
  return (
    [...given, ...own].every(({ dtype }) => dtype !== "boolean") &&
    // A tensor with strides is copied before it is read.
    own.every((x) => x.strides !== undefined || given.every(({ buffer }) => buffer !== x.buffer)) &&
    given.every(inWords)
  );
}
