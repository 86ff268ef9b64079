import { AttentionError, type Shape } from "@attnkit/core";
import { elementCount, notOwnTensor, strides } from "@attnkit/core/backend";
import type { Commands } from "./device/commands.ts";
import type { Health } from "./device/health.ts";
import type { BufferPool } from "./device/pool.ts";
import { TENSOR } from "./device/usage.ts";
import { livePrefixes, type Prefixes } from "./prefixes.ts";
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
export interface Memory {
  /** Is told of every alias, so that a tape knows the new tensor. */
  onAlias: ((from: GpuTensor, to: GpuTensor) => void) | undefined;
  /** Makes a tensor whose elements are undefined. `queued`: the queue writes it, and no kernel. */
  make(shape: Shape, dtype?: ElementType, queued?: boolean): GpuTensor;
  /** Makes a tensor in a buffer of the caller. */
  wrap(buffer: GPUBuffer, offset: number, shape: Shape, dtype: ElementType): GpuTensor;
  /** Makes another tensor of the same bytes. A tensor with strides keeps its shape. */
  alias(x: GpuTensor, shape?: Shape, dtype?: ElementType): GpuTensor;
  /** Makes the list of the elements of a tensor in the order in which they lie in its buffer, without a copy. */
  elements(x: GpuTensor): GpuTensor;
  /**
   * Makes a tensor whose entries along `axis` lie one after the other, in a buffer with room for `capacity` of them. It has
   * strides, and `longer` makes longer ones in the same buffer. Elements are undefined.
   */
  growing(shape: Shape, dtype: ElementType, axis: number, capacity: number): GpuTensor;
  /**
   * Makes a tensor of `length` entries along `axis` that begins with those of `x`, in the same buffer. The others are undefined.
   * Returns undefined if `x` does not lie in a buffer that grows along this axis, if the buffer is too small, or if another live tensor
   * has entries behind `x`.
   */
  longer(x: GpuTensor, axis: number, length: number): GpuTensor | undefined;
  /** Returns `x` if it is a live tensor of this backend. Throws `ATTN_DATA` otherwise. */
  own(x: GpuTensor): GpuTensor;
  /** Does nothing for a tensor that was freed before. */
  free(x: GpuTensor): void;
  /**
   * Runs `run` and frees every tensor that it made, except those of `kept(result)`. These belong to the surrounding scope, if there
   * is one. At the end of the outermost scope, the commands are submitted.
   */
  scope<R>(run: () => R, kept: (result: R) => Iterable<GpuTensor>): R;
  /** Runs `make`. The tensors that it makes belong to no scope. */
  outsideScopes<R>(make: () => R): R;
  /** Submits the commands of operations outside of a scope when the current task of the host ends. */
  submitSoon(): void;
  /** Returns whether `x` was made inside the innermost scope. */
  isNew(x: GpuTensor): boolean;
  /** Tells the tensors of this backend, live or freed, from other values. */
  isTensor(x: unknown): x is GpuTensor;
}

export function deviceMemory(device: GPUDevice, pool: BufferPool, commands: Commands, health: Health): Memory {
  const largest = device.limits.maxStorageBufferBindingSize;
  /** The storage of every live tensor. */
  const live = new WeakMap<GpuTensor, Shared>();
  const freed = new WeakSet<GpuTensor>();
  /** The tensors of each open scope, innermost last. */
  const scopes: Set<GpuTensor>[] = [];
  let flushing = false;

  const isTensor = (x: unknown): x is GpuTensor => live.has(x as GpuTensor) || freed.has(x as GpuTensor);

  const storageOf = (x: GpuTensor): Shared => {
    const storage = live.get(x);
    if (storage !== undefined) return storage;
    if (!isTensor(x)) throw notOwnTensor("webgpu", x, "a tensor that this backend made or wrapped");
    const shape = `[${x.shape.join(", ")}]`;
    throw new AttentionError("ATTN_DATA", "webgpu", `got a tensor ${shape} that was freed, expected a live one`);
  };

  const add = (
    storage: Shared,
    offset: number,
    shape: Shape,
    dtype: ElementType,
    steps?: readonly number[],
  ): GpuTensor => {
    const x: GpuTensor = { buffer: storage.buffer, offset, shape: [...shape], dtype, ...(steps && { strides: steps }) };
    storage.tensors += 1;
    if (steps) storage.prefixes?.add(shape);
    live.set(x, storage);
    scopes.at(-1)?.add(x);
    return x;
  };

  /** Returns the bytes of a tensor, at least those of one element. Throws `ATTN_UNSUPPORTED` if kernels cannot bind it. */
  const bindable = (shape: Shape, dtype: ElementType): number => {
    const bytes = bytesOf({ shape, dtype });
    if (bytes <= largest) return Math.max(bytes, LEAST);
    throw new AttentionError(
      "ATTN_UNSUPPORTED",
      "webgpu",
      `got a tensor [${shape.join(", ")}] of ${elementCount(shape)} elements in ${bytes} bytes, expected at most ${largest} bytes ` +
        "(maxStorageBufferBindingSize). Request the device with the adapter's limit in requiredLimits, or split the tensor",
    );
  };

  const memory: Memory = {
    onAlias: undefined,
    make(shape, dtype = "float32", queued = false) {
      health.require();
      const buffer = pool.take(bindable(shape, dtype), TENSOR, queued ? commands.batch : undefined);
      return add({ buffer, pooled: true, tensors: 0 }, 0, shape, dtype);
    },
    wrap(buffer, offset, shape, dtype) {
      bindable(shape, dtype);
      return add({ buffer, pooled: false, tensors: 0 }, offset, shape, dtype);
    },
    alias(x, shape = x.shape, dtype = x.dtype) {
      const made = add(storageOf(x), x.offset, shape, dtype, x.strides);
      memory.onAlias?.(x, made);
      return made;
    },
    elements: (x) => add(storageOf(x), x.offset, [elementCount(x.shape)], x.dtype),
    growing(shape, dtype, axis, capacity) {
      health.require();
      bindable(shape, dtype);
      const order = [axis, ...shape.map((_, i) => i).filter((i) => i !== axis)];
      const steps = strides(order.map((i) => shape[i]!));
      const entry = bytesOf({ shape: shape.with(axis, 1), dtype });
      const room = Math.min(capacity, Math.floor(largest / entry));
      const buffer = pool.take(entry * Math.max(room, shape[axis]!), TENSOR);
      const prefixes = livePrefixes(axis, Math.floor(buffer.size / entry));
      const own = shape.map((_, i) => steps[order.indexOf(i)]!);
      return add({ buffer, pooled: true, tensors: 0, prefixes }, 0, shape, dtype, own);
    },
    longer(x, axis, length) {
      const storage = storageOf(x);
      if (!x.strides || !storage.prefixes?.isFree(axis, x.shape[axis]!, length)) return undefined;
      const shape = x.shape.with(axis, length);
      bindable(shape, x.dtype);
      return add(storage, x.offset, shape, x.dtype, x.strides);
    },
    own(x) {
      storageOf(x);
      return x;
    },
    free(x) {
      if (freed.has(x)) return;
      const storage = storageOf(x);
      live.delete(x);
      freed.add(x);
      for (const scope of scopes) scope.delete(x);
      storage.tensors -= 1;
      if (x.strides) storage.prefixes?.delete(x.shape);
      if (storage.tensors === 0 && storage.pooled) pool.give(storage.buffer, commands.batch);
      if (!commands.pending) pool.trim();
    },
    scope(run, kept) {
      const own = new Set<GpuTensor>();
      scopes.push(own);
      try {
        const result = run();
        for (const x of kept(result)) if (own.delete(x)) scopes.at(-2)?.add(x);
        return result;
      } finally {
        for (const x of own) memory.free(x);
        scopes.pop();
        if (scopes.length === 0) commands.flush();
      }
    },
    outsideScopes(make) {
      const open = scopes.splice(0);
      try {
        return make();
      } finally {
        scopes.push(...open);
      }
    },
    submitSoon() {
      if (scopes.length > 0 || flushing) return;
      flushing = true;
      void Promise.resolve().then(() => {
        flushing = false;
        commands.flush();
      });
    },
    isNew: (x) => scopes.at(-1)?.has(x) ?? false,
    isTensor,
  };
  return memory;
}
