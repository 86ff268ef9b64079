import type { Block, Tensors } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import { type AppendedKeys, allKeysPresent } from "@attnkit/core/program";
import type { Growing, Host } from "../host.ts";
import { storedBinding, storedStrides } from "../stored.ts";
import { type CacheEntry, writeCache } from "./write.ts";

/** Keys and values of a state followed by those of a block. */
export interface CachedKeys<T> extends AppendedKeys<T> {
  /**
   * The block's key mask `[B, S]`, if it is not applied yet: the block's own k and v are as the block has them, and its own
   * entries of `keep` are undefined. The kernel then applies it and completes the cache.
   */
  readonly unapplied?: T | undefined;
}

/** `GPUBufferUsage.COPY_SRC`. The global is missing in Node. */
const COPY_SRC = 0x4;

/**
 * Returns whether a cache can grow in place: the host has growing tensors, tokens are whole words, and the block does not lie in
 * the buffer that is written.
 */
export function canGrow<T>(host: Host<T>, { k, v, keep }: Tensors<T>, own: readonly T[]): boolean {
  const past = [k!, v!, ...(keep === undefined ? [] : [keep])];
  const bufferOf = (x: T) => storedBinding(host, x).buffer;
  return (
    host.growing !== undefined &&
    [...past, ...own].every((x) => host.storage(x) !== "boolean") &&
    past.every((x) => host.storage(x) === "float32" || elementsOfToken(host, x) % 2 === 0) &&
    past.every((x) => own.every((y) => bufferOf(x) !== bufferOf(y)))
  );
}

/**
 * Appends to a state whose tensors can grow. They lie token after token, and share their buffers with the state. Only the block's own tokens are
 * written if no live tensor sees tokens behind the state. Otherwise the state moves to new buffers before.
 *
 * One token is copied as bytes, without a dispatch. A key mask, other tokens, and a state that lies row-major as after a prefill
 * take one dispatch together, or two where it would bind too many buffers.
 */
export function appendInPlace<T>(
  host: Host<T>,
  { k, v, keyMask, state }: Block<T>,
  appliesMask: boolean,
): CachedKeys<T> {
  const growing = host.growing!;
  const past = state as Tensors<T>;
  const [P, S] = [host.shape(past.k!)[2]!, host.shape(k)[2]!];
  const extend = (x: T, alike = false) => extended(host, growing, x, S, alike);
  const keep = past.keep
    ? extend(past.keep)
    : // Ones lie the same in every order.
      keyMask && extend(allKeysPresent(host.ops, past.k!), true);
  const grown = { k: extend(past.k!), v: extend(past.v!), ...(keep && { keep }) };
  const made = { k: grown.k.x, v: grown.v.x, keep: grown.keep?.x };
  const moves = Object.values(grown).some((x) => x.past !== undefined);
  const ownKeep = made.keep && !keyMask ? allKeysPresent(host.ops, k) : undefined;
  const pairs: readonly (readonly [own: T, all: T])[] = [
    [k, made.k],
    [v, made.v],
    ...(ownKeep && made.keep ? ([[ownKeep, made.keep]] as const) : []),
  ];
  const asBytes = pairs.every(([own, all]) => liesAlike(host, own, all)) && (!keyMask || appliesMask || moves);
  if (!asBytes)
    writeCache(host, { ...grown, k: { ...grown.k, own: k }, v: { ...grown.v, own: v } }, { past: P, from: P, keyMask });
  else {
    for (const [own, all] of pairs) copyTo(host, growing, own, all, "end");
    if (!moves) return { ...made, ...(keyMask && { unapplied: keyMask }) };
    writeCache(host, grown, { past: P, from: P, keyMask });
  }
  return made;
}

/**
 * Returns a tensor that begins with the entries of `past` and has `added` more. It lies in the buffer of `past` if there is room
 * behind it that no tensor sees. Otherwise it lies in a new buffer. `past` of the result is what is not written yet, because it
 * lies in another order.
 * @param alike True if the entries of `past` are the same in every order.
 */
function extended<T>(host: Host<T>, growing: Growing<T>, past: T, added: number, alike: boolean): CacheEntry<T> {
  const shape = host.shape(past);
  const axis = axisOf(shape);
  const length = shape[axis]! + added;
  const inPlace = growing.longer(past, axis, length);
  if (inPlace !== undefined) return { x: inPlace };
  const capacity = growing.capacity >= length ? growing.capacity : 2 * length;
  const x = growing.make(shape.with(axis, length), host.storage(past), axis, capacity);
  if (!alike && !liesAlike(host, past, x)) return { x, past };
  copyTo(host, growing, past, x, "start");
  return { x };
}

/** Copies the bytes of `own` to the start or the end of `all`. */
function copyTo<T>(host: Host<T>, growing: Growing<T>, own: T, all: T, where: "start" | "end"): void {
  const [from, to] = [storedBinding(host, own), storedBinding(host, all)];
  growing.copy(from, { ...to, offset: to.offset + (where === "end" ? to.size - from.size : 0) });
}

/** Returns whether the elements lie in the order in which those of a cache do, and can be copied as bytes. */
function liesAlike<T>(host: Host<T>, x: T, cache: T): boolean {
  const [own, all] = [storedStrides(host, x), storedStrides(host, cache)];
  const alike = host.shape(x).every((n, axis) => n === 1 || own[axis] === all[axis]);
  return alike && host.storage(x) === host.storage(cache) && (storedBinding(host, x).buffer.usage & COPY_SRC) !== 0;
}

/** The axis of the tokens of `k`, `v` `[B, Hkv, T, d]` and of `keep` `[B, T]`. */
const axisOf = (shape: readonly number[]): number => (shape.length === 4 ? 2 : 1);

const elementsOfToken = <T>(host: Host<T>, x: T): number => {
  const shape = host.shape(x);
  return elementCount(shape.with(axisOf(shape), 1));
};
