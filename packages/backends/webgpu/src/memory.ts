import { AttentionError, type Shape } from "@attnkit/core";
import { elementCount, notOwnTensor, strides } from "@attnkit/core/backend";
import type { Commands } from "./device/commands.ts";
import type { Health } from "./device/health.ts";
import type { BufferPool } from "./device/pool.ts";
import { TENSOR } from "./device/usage.ts";
import { Prefixes } from "./prefixes.ts";
import { bytesOf, type ElementType, type GpuTensor } from "./tensor.ts";

/** A buffer and the number of live tensors in it. A buffer of the caller never goes to the pool. */
interface Shared {
  readonly buffer: GPUBuffer;
  readonly pooled: boolean;
  tensors: number;
  /** Present if the buffer has room behind its tensors with strides. */
  readonly prefixes?: Prefixes;
}

/** The bytes of a tensor without elements: WebGPU binds no empty range. */
const LEAST = 4;

/** Makes and frees tensors. Tensors made inside `scope` are freed at its end, except those that leave it. */
export class Memory {
  readonly #pool: BufferPool;
  readonly #commands: Commands;
  readonly #health: Health;
  readonly #largest: number;
  /** The storage of every live tensor. */
  readonly #live = new WeakMap<GpuTensor, Shared>();
  readonly #freed = new WeakSet<GpuTensor>();
  /** The tensors of each open scope, innermost last. */
  readonly #scopes: Set<GpuTensor>[] = [];
  #flushing = false;
  /** Is told of every alias, so that a tape knows the new tensor. */
  onAlias: ((from: GpuTensor, to: GpuTensor) => void) | undefined;

  constructor(device: GPUDevice, pool: BufferPool, commands: Commands, health: Health) {
    this.#pool = pool;
    this.#commands = commands;
    this.#health = health;
    this.#largest = device.limits.maxStorageBufferBindingSize;
  }

  /** Makes a tensor whose elements are undefined. `queued`: the queue writes it, and no kernel. */
  make(shape: Shape, dtype: ElementType = "float32", queued = false): GpuTensor {
    this.#health.require();
    const bytes = this.#bindable({ shape, dtype });
    const buffer = this.#pool.take(bytes, TENSOR, queued ? this.#commands.batch : undefined);
    return this.#add({ buffer, pooled: true, tensors: 0 }, 0, shape, dtype);
  }

  /** Makes a tensor in a buffer of the caller. */
  wrap(buffer: GPUBuffer, offset: number, shape: Shape, dtype: ElementType): GpuTensor {
    this.#bindable({ shape, dtype });
    return this.#add({ buffer, pooled: false, tensors: 0 }, offset, shape, dtype);
  }

  /** Makes another tensor of the same bytes. A tensor with strides keeps its shape. */
  alias(x: GpuTensor, shape: Shape = x.shape, dtype: ElementType = x.dtype): GpuTensor {
    const made = this.#add(this.#storage(x), x.offset, shape, dtype, x.strides);
    this.onAlias?.(x, made);
    return made;
  }

  /** Makes the list of the elements of a tensor in the order in which they lie in its buffer, without a copy. */
  elements(x: GpuTensor): GpuTensor {
    return this.#add(this.#storage(x), x.offset, [elementCount(x.shape)], x.dtype);
  }

  /**
   * Makes a tensor whose entries along `axis` lie one after the other, in a buffer with room for `capacity` of them. It has
   * strides, and `longer` makes longer ones in the same buffer. Elements are undefined.
   */
  growing(shape: Shape, dtype: ElementType, axis: number, capacity: number): GpuTensor {
    this.#health.require();
    this.#bindable({ shape, dtype });
    const order = [axis, ...shape.map((_, i) => i).filter((i) => i !== axis)];
    const steps = strides(order.map((i) => shape[i]!));
    const entry = bytesOf({ shape: shape.with(axis, 1), dtype });
    const room = Math.min(capacity, Math.floor(this.#largest / entry));
    const buffer = this.#pool.take(entry * Math.max(room, shape[axis]!), TENSOR);
    const prefixes = new Prefixes(axis, Math.floor(buffer.size / entry));
    return this.#add(
      { buffer, pooled: true, tensors: 0, prefixes },
      0,
      shape,
      dtype,
      shape.map((_, i) => steps[order.indexOf(i)]!),
    );
  }

  /**
   * Makes a tensor of `length` entries along `axis` that begins with those of `x`, in the same buffer. The others are undefined.
   * Returns undefined if `x` does not lie in a buffer that grows along this axis, if the buffer is too small, or if another live tensor
   * has entries behind `x`.
   */
  longer(x: GpuTensor, axis: number, length: number): GpuTensor | undefined {
    const storage = this.#storage(x);
    if (!x.strides || !storage.prefixes?.isFree(axis, x.shape[axis]!, length)) return undefined;
    const shape = x.shape.with(axis, length);
    this.#bindable({ shape, dtype: x.dtype });
    return this.#add(storage, x.offset, shape, x.dtype, x.strides);
  }

  /** Returns `x` if it is a live tensor of this backend. Throws `ATTN_DATA` otherwise. */
  own(x: GpuTensor): GpuTensor {
    this.#storage(x);
    return x;
  }

  /** Does nothing for a tensor that was freed before. */
  free(x: GpuTensor): void {
    if (this.#freed.has(x)) return;
    const storage = this.#storage(x);
    this.#live.delete(x);
    this.#freed.add(x);
    for (const scope of this.#scopes) scope.delete(x);
    storage.tensors -= 1;
    if (x.strides) storage.prefixes?.delete(x.shape);
    if (storage.tensors === 0 && storage.pooled) this.#pool.give(storage.buffer, this.#commands.batch);
    if (!this.#commands.pending) this.#pool.trim();
  }

  /**
   * Runs `run` and frees every tensor that it made, except those of `kept(result)`. These belong to the surrounding scope, if there
   * is one. At the end of the outermost scope, the commands are submitted.
   */
  scope<R>(run: () => R, kept: (result: R) => Iterable<GpuTensor>): R {
    const own = new Set<GpuTensor>();
    this.#scopes.push(own);
    try {
      const result = run();
      for (const x of kept(result)) if (own.delete(x)) this.#scopes.at(-2)?.add(x);
      return result;
    } finally {
      for (const x of own) this.free(x);
      this.#scopes.pop();
      if (this.#scopes.length === 0) this.#commands.flush();
    }
  }

  /** Runs `make`. The tensors that it makes belong to no scope. */
  outsideScopes<R>(make: () => R): R {
    const open = this.#scopes.splice(0);
    try {
      return make();
    } finally {
      this.#scopes.push(...open);
    }
  }

  /** Submits the commands of operations outside of a scope when the current task of the host ends. */
  submitSoon(): void {
    if (this.#scopes.length > 0 || this.#flushing) return;
    this.#flushing = true;
    void Promise.resolve().then(() => {
      this.#flushing = false;
      this.#commands.flush();
    });
  }

  /** Returns whether `x` was made inside the innermost scope. */
  isNew(x: GpuTensor): boolean {
    return this.#scopes.at(-1)?.has(x) ?? false;
  }

  /** Tells the tensors of this backend, live or freed, from other values. */
  isTensor = (x: unknown): x is GpuTensor =>
    typeof x === "object" && x !== null && (this.#live.has(x as GpuTensor) || this.#freed.has(x as GpuTensor));

  #add(storage: Shared, offset: number, shape: Shape, dtype: ElementType, steps?: readonly number[]): GpuTensor {
    const x: GpuTensor = { buffer: storage.buffer, offset, shape: [...shape], dtype, ...(steps && { strides: steps }) };
    storage.tensors += 1;
    if (steps) storage.prefixes?.add(shape);
    this.#live.set(x, storage);
    this.#scopes.at(-1)?.add(x);
    return x;
  }

  #storage(x: GpuTensor): Shared {
    const storage = this.#live.get(x);
    if (storage !== undefined) return storage;
    if (!this.isTensor(x)) throw notOwnTensor("webgpu", x, "a tensor that this backend made or wrapped");
    const shape = `[${x.shape.join(", ")}]`;
    throw new AttentionError("ATTN_DATA", "webgpu", `got a tensor ${shape} that was freed, expected a live one`);
  }

  /** Returns the bytes of a tensor, at least those of one element. Throws `ATTN_UNSUPPORTED` if kernels cannot bind it. */
  #bindable(x: Pick<GpuTensor, "shape" | "dtype">): number {
    const bytes = bytesOf(x);
    if (bytes <= this.#largest) return Math.max(bytes, LEAST);
    throw new AttentionError(
      "ATTN_UNSUPPORTED",
      "webgpu",
      `got a tensor [${x.shape.join(", ")}] of ${elementCount(x.shape)} elements in ${bytes} bytes, expected at most ${this.#largest} bytes ` +
        "(maxStorageBufferBindingSize). Request the device with the adapter's limit in requiredLimits, or split the tensor",
    );
  }
}
