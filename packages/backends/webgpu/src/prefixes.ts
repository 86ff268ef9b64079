import type { Shape } from "@attnkit/core";

/**
 * The live tensors of a buffer that grows. Each sees the first entries along one axis. Entries behind the longest of them may
 * be written, because no tensor sees them.
 */
export class Prefixes {
  readonly #axis: number;
  readonly #capacity: number;
  /** The number of live tensors by their length. */
  readonly #live = new Map<number, number>();
  #longest = 0;

  /** `capacity` is the number of entries that the buffer has room for. */
  constructor(axis: number, capacity: number) {
    this.#axis = axis;
    this.#capacity = capacity;
  }

  add(shape: Shape): void {
    const length = shape[this.#axis]!;
    this.#live.set(length, (this.#live.get(length) ?? 0) + 1);
    this.#longest = Math.max(this.#longest, length);
  }

  delete(shape: Shape): void {
    const length = shape[this.#axis]!;
    const others = this.#live.get(length)! - 1;
    if (others > 0) this.#live.set(length, others);
    else this.#live.delete(length);
    while (this.#longest > 0 && !this.#live.has(this.#longest)) this.#longest -= 1;
  }

  /** Returns whether entries `from..to - 1` along `axis` exist and no live tensor sees them. */
  isFree(axis: number, from: number, to: number): boolean {
    return axis === this.#axis && this.#longest <= from && to <= this.#capacity;
  }
}
