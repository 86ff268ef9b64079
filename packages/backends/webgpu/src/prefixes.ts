import type { Shape } from "@attnkit/core";

/**
 * The live tensors of a buffer that grows. Each sees the first entries along one axis. Entries behind the longest of them may
 * be written, because no tensor sees them.
 */
export interface Prefixes {
  add(shape: Shape): void;
  delete(shape: Shape): void;
  /** Returns whether entries `from..to - 1` along `axis` exist and no live tensor sees them. */
  isFree(axis: number, from: number, to: number): boolean;
}

/** `capacity` is the number of entries along `axis` that the buffer has room for. */
export function livePrefixes(axis: number, capacity: number): Prefixes {
  /** The number of live tensors by their length. */
  const live = new Map<number, number>();
  let longest = 0;
  const count = (shape: Shape, more: number) => {
    const length = shape[axis]!;
    live.set(length, (live.get(length) ?? 0) + more);
    if (live.get(length) === 0) live.delete(length);
    return length;
  };
  return {
    add(shape) {
      longest = Math.max(longest, count(shape, 1));
    },
    delete(shape) {
      count(shape, -1);
      while (longest > 0 && !live.has(longest)) longest -= 1;
    },
    isFree: (along, from, to) => along === axis && longest <= from && to <= capacity,
  };
}
