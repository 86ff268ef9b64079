import { AttentionError, type Shape } from "@attnkit/core";
import { elementCount, notOwnTensor } from "@attnkit/core/backend";
import type { Commands } from "./device/commands.ts";
import type { Health } from "./device/health.ts";
import type { BufferPool } from "./device/pool.ts";
import { TENSOR } from "./device/usage.ts";
import { bytesOf, type ElementType, type GpuTensor } from "./tensor.ts";

/** A buffer and the number of live tensors in it. A buffer of the caller never goes to the pool. */
interface Shared {
  readonly buffer: GPUBuffer;
  readonly pooled: boolean;
  tensors: number;
}

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
    const bytes = this.#bindable({ shape });
    const buffer = this.#pool.take(bytes, TENSOR, queued ? this.#commands.batch : undefined);
    return this.#add({ buffer, pooled: true, tensors: 0 }, 0, shape, dtype);
  }

  /** Makes a tensor in a buffer of the caller. */
  wrap(buffer: GPUBuffer, offset: number, shape: Shape, dtype: ElementType): GpuTensor {
    this.#bindable({ shape });
    return this.#add({ buffer, pooled: false, tensors: 0 }, offset, shape, dtype);
  }

  /** Makes another tensor of the same elements. */
  alias(x: GpuTensor, shape: Shape = x.shape): GpuTensor {
    const made = this.#add(this.#storage(x), x.offset, shape, x.dtype);
    this.onAlias?.(x, made);
    return made;
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

  #add(storage: Shared, offset: number, shape: Shape, dtype: ElementType): GpuTensor {
    const x: GpuTensor = { buffer: storage.buffer, offset, shape: [...shape], dtype };
    storage.tensors += 1;
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
  #bindable(x: Pick<GpuTensor, "shape">): number {
    const bytes = bytesOf(x);
    if (bytes <= this.#largest) return Math.max(bytes, bytesOf({ shape: [] }));
    throw new AttentionError(
      "ATTN_UNSUPPORTED",
      "webgpu",
      `got a tensor [${x.shape.join(", ")}] of ${elementCount(x.shape)} elements in ${bytes} bytes, expected at most ${this.#largest} bytes ` +
        "(maxStorageBufferBindingSize). Request the device with the adapter's limit in requiredLimits, or split the tensor",
    );
  }
}
