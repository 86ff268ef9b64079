/**
 * A bounded map for everything that is remembered between calls: checked shapes, compiled programs, sessions, pipelines,
 * texts of kernels. When it holds more than `most` values, the one that was used longest ago is forgotten.
 *
 * @example
 * const pipelines = new Remembered<string, GPUComputePipeline>(256);
 * const pipeline = pipelines.get(code, () => device.createComputePipeline(descriptor(code)));
 */
export class Remembered<Key, Value> {
  readonly #most: number;
  readonly #forgotten: (value: Value) => void;
  /** In the order of use: the last entry is the one that was used last. */
  readonly #values = new Map<Key, Value>();
  #lastKey: Key | undefined;
  #lastValue: Value | undefined;

  /** `forgotten` is called with every value that leaves the map, to release what it holds. */
  constructor(most: number, forgotten: (value: Value) => void = () => {}) {
    this.#most = most;
    this.#forgotten = forgotten;
  }

  /** Returns the value of a key; makes and keeps it where there is none. Nothing is kept where `make` throws. */
  get(key: Key, make: () => Value): Value {
    if (key === this.#lastKey && this.#lastKey !== undefined) return this.#lastValue as Value;
    const known = this.#values.has(key);
    const value = known ? (this.#values.get(key) as Value) : make();
    this.#values.delete(key);
    this.#values.set(key, value);
    this.#lastKey = key;
    this.#lastValue = value;
    if (this.#values.size > this.#most) {
      const [oldest, forgotten] = this.#values.entries().next().value as [Key, Value];
      this.#values.delete(oldest);
      this.#forgotten(forgotten);
    }
    return value;
  }
}
