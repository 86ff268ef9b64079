import type { Block } from "@attnkit/core";
import { allKeysPresent, appendKeys as appendedByCopy, type CacheOps } from "@attnkit/core/program";
import type { CachedKeys } from "@attnkit/wgsl";
import { isCopyable } from "../device/usage.ts";
import type { Gpu } from "../ops/gpu.ts";
import { bytesOf, type GpuTensor } from "../tensor.ts";
import { type Extended, extended } from "./extended.ts";
import { writeCache } from "./write.ts";

/**
 * Returns keys and values of a block's state followed by the block's own (SEMANTICS S4, S9). They lie token after token in
 * buffers with room for more, which they share with the state. Only the block's own tokens are written if no live tensor sees
 * tokens behind the state. Otherwise the state is copied to new buffers before, with room for `capacity` tokens or for twice
 * the length.
 *
 * One token is copied as bytes, without a dispatch. A key mask, other tokens, and a state that lies row-major as after a prefill
 * take one dispatch together.
 * @param appliesMask True if the key mask of one token may be left to the kernel, as `unapplied`.
 */
export function appendKeys(
  gpu: Gpu,
  ops: CacheOps<GpuTensor, number>,
  capacity: number,
  block: Block<GpuTensor>,
  appliesMask: boolean,
): CachedKeys<GpuTensor> {
  const { k, v, keyMask, state } = block;
  const { k: pastK, v: pastV, keep: pastKeep } = { ...state };
  if (!pastK || !pastV || !canShare([pastK, pastV, pastKeep], [k, v])) return appendedByCopy(ops, block);
  const S = k.shape[2]!;
  const longer = (past: GpuTensor, axis: number) => extended(gpu, past, axis, S, capacity);
  const grown = {
    ...{ k: longer(pastK, 2), v: longer(pastV, 2) },
    keep: pastKeep ? longer(pastKeep, 1) : keyMask && presentKeep(gpu, ops, pastK, S, capacity),
  };
  const made = { k: grown.k.x, v: grown.v.x, keep: grown.keep?.x };
  const past = Object.fromEntries(
    Object.entries(grown).flatMap(([name, x]) => (x?.past ? [[name, x.past] as const] : [])),
  );
  const moves = Object.keys(past).length;
  const keep = made.keep && !keyMask ? allKeysPresent(ops, k) : undefined;
  const copied: readonly (readonly [own: GpuTensor, all: GpuTensor])[] = [
    ...([
      [k, made.k],
      [v, made.v],
    ] as const),
    ...(keep && made.keep ? [[keep, made.keep] as const] : []),
  ];
  if (copied.every(([own, all]) => isOneRange(own, all)) && (!keyMask || appliesMask || moves > 0)) {
    for (const [own, all] of copied) copyLast(gpu, own, all);
    if (moves === 0) return { ...made, ...(keyMask && { unapplied: keyMask }) };
    writeCache(gpu, made, S, { past, keyMask });
  } else if (moves === 3 && keyMask) {
    // Together they would bind 9 buffers.
    writeCache(gpu, made, S, { past });
    writeCache(gpu, made, S, { past: {}, own: { k, v }, keyMask });
  } else writeCache(gpu, made, S, { past, own: { k, v }, keyMask });
  return made;
}

/** Returns `keep` of a cache without absent keys so far. */
function presentKeep(
  gpu: Gpu,
  ops: CacheOps<GpuTensor, number>,
  pastK: GpuTensor,
  added: number,
  capacity: number,
): Extended {
  const ones = allKeysPresent(ops, pastK);
  const { x, past } = extended(gpu, ones, 1, added, capacity);
  // Ones lie the same in every order.
  if (past) gpu.commands.copy(past, x, bytesOf(past));
  return { x };
}

function copyLast({ commands }: Gpu, own: GpuTensor, all: GpuTensor): void {
  const bytes = bytesOf(own);
  commands.copy(own, { buffer: all.buffer, offset: all.offset + bytesOf(all) - bytes }, bytes);
}

/** Returns whether the elements lie as they do in the cache, token after token, and can be copied. */
const isOneRange = ({ shape, strides, buffer, dtype }: GpuTensor, cache: GpuTensor): boolean => {
  const tokens = shape.length === 4 ? 2 : 1;
  const oneBefore = shape.slice(0, tokens).every((n) => n === 1);
  return dtype === cache.dtype && (shape[tokens] === 1 || oneBefore) && strides === undefined && isCopyable(buffer);
};

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
