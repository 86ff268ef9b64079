import type { Block } from "@attnkit/core";
import { type AppendedKeys, appendKeys as appendByOperations } from "@attnkit/core/program";
import type { Host } from "../host.ts";
import { appendInPlace, type CachedKeys, canGrow } from "./in-place.ts";
import { type CacheEntry, writeCache } from "./write.ts";

/**
 * Returns keys and values of a block's state followed by the block's own, of rank 4 (SEMANTICS S4, S9). Where tensors can grow in
 * place, only the block's own tokens are written. Otherwise one dispatch writes a new cache. A first block without a key mask
 * is its own cache.
 * @param appliesMask True if the key mask of one token may be left to the kernel, as `unapplied`.
 */
export function appendKeys<T>(host: Host<T>, block: Block<T>, appliesMask: boolean): CachedKeys<T> {
  // A tape follows operations. It would not see keys that a dispatch writes.
  if (host.tape?.recording) return appendByOperations(host.ops, block);
  const { k, v, keyMask, state } = block;
  const past = state?.k && host.shape(state.k)[2]! > 0 ? state : undefined;
  if (!past && !keyMask) return appendByOperations(host.ops, block);
  return past && canGrow(host, past, [k, v])
    ? appendInPlace(host, { ...block, state: past }, appliesMask)
    : appendToNew(host, block, past);
}

/** Returns a new cache, row-major. It has the storage of the old one. */
function appendToNew<T>(host: Host<T>, { k, v, keyMask }: Block<T>, past: Block<T>["state"]): AppendedKeys<T> {
  const [B, H, S] = host.shape(k) as [number, number, number];
  const P = past ? host.shape(past.k!)[2]! : 0;
  const entryOf = (own: T, before: T | undefined): CacheEntry<T> => {
    const storage = host.storage(before ?? own);
    const shape = [B, H, P + S, host.shape(own)[3]!];
    return { x: host.empty(shape, storage === "boolean" ? "float32" : storage), past: before, own };
  };
  const keep = keyMask || past?.keep ? { x: host.empty([B, P + S]), past: past?.keep } : undefined;
  const entries = { k: entryOf(k, past?.k), v: entryOf(v, past?.v), ...(keep && { keep }) };
  writeCache(host, entries, { past: P, from: 0, keyMask });
  return { k: entries.k.x, v: entries.v.x, keep: keep?.x };
}
