import type { Backend, Shape, Tensors } from "@attnkit/core";
import type { JointOperation } from "@attnkit/core/backend";
import type { CacheOps, EagerOps } from "@attnkit/core/program";

/**
 * How the elements of a tensor lie in its buffer, row-major. `"float32"`: one `f32` each. `"boolean"`: one `i32` each,
 * non-zero is true. `"float16"`: two halves per `u32`, as `pack2x16float` packs them; a last single half is padded.
 */
export type Storage = "float32" | "boolean" | "float16";

/** A range of a buffer that a shader binds. Numbers are bytes. */
export interface Binding {
  readonly buffer: GPUBuffer;
  /** For a tensor a multiple of `minStorageBufferOffsetAlignment`, for parameters of `minUniformBufferOffsetAlignment`. */
  readonly offset: number;
  readonly size: number;
}

/** A tensor as it lies in its buffer. */
export interface Stored {
  readonly binding: Binding;
  /** The distance in elements between neighbours along each axis. The first element is the first of `binding`. */
  readonly strides: readonly number[];
}

/**
 * Tensors with room behind their entries along one axis. Several tensors share a buffer, and each sees the first entries. Kernels
 * use them for KV caches.
 */
export interface Growing<T> {
  /** The least number of tokens that a cache gets room for. A longer one gets room for twice its length. */
  readonly capacity: number;
  /**
   * Makes a tensor with undefined contents whose entries along `axis` lie one after the other, in a buffer of its own with room
   * for `capacity` of them if the device allows it. Within an entry it is row-major. `Host.stored` returns its strides. The buffer has the usage
   * `COPY_SRC | COPY_DST`.
   */
  make(shape: Shape, storage: Storage, axis: number, capacity: number): T;
  /**
   * Returns a tensor of `length` entries along `axis` that begins with those of `x`, in the same buffer. The others are
   * undefined and may be written. Returns undefined if `x` has no room, or if another live tensor sees entries behind `x`.
   */
  longer(x: T, axis: number, length: number): T | undefined;
  /**
   * Encodes a copy of all bytes of `from` to the start of `to`, which lies in another buffer. `from` has the usage `COPY_SRC`;
   * tensors of `ops.constant` must have it too.
   */
  copy(from: Binding, to: Binding): void;
}

/** One compute pass with one dispatch. */
export interface Encoding {
  /** The label that GPU debuggers show. */
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [x: number, y?: number, z?: number];
}

/**
 * A tensor library as kernels see it. `T` is the library's own tensor. Everything happens in the order of the calls, and
 * nothing is downloaded.
 */
export interface Host<T> {
  readonly device: GPUDevice;
  /**
   * The operations by which masks are cast, and by which a cache grows while a tape records. A backend's own `ops` have them
   * all.
   */
  readonly ops: CacheOps<T, number>;
  /**
   * The storage of `y`, for libraries that store half floats. Default: `"float32"`. `lse`, the sums of a state and gradients are
   * always `"float32"`.
   */
  readonly results?: Exclude<Storage, "boolean">;
  shape(x: T): Shape;
  storage(x: T): Storage;
  /**
   * Returns the range of a buffer that holds a tensor, dense and row-major. A tensor that lies otherwise is copied; the copy is
   * needed until the next dispatch is encoded. Data that the library still holds elsewhere is uploaded before. The
   * buffer has the usage `STORAGE`. It is not reused before the work that is encoded until the next submit is done. The
   * host places tensors so that offsets are aligned: the default limit is 256 bytes.
   */
  binding(x: T): Binding;
  /**
   * Returns a tensor as it is stored, without a copy. For libraries that have tensors which are not row-major, such as caches
   * that grow in place. Default: `binding(x)`, row-major. Kernels use it for KV caches only.
   */
  stored?(x: T): Stored;
  /**
   * Makes a tensor with undefined contents. A kernel writes every element. Default storage: `"float32"`. It lies in no buffer
   * that holds another tensor: WebGPU refuses a dispatch that reads and writes one buffer, even in different ranges.
   */
  empty(shape: Shape, storage?: Storage): T;
  /**
   * Returns a range of a uniform buffer with these bytes, whose number is a multiple of 16. It keeps them until the work that
   * is encoded until the next submit is done.
   */
  uniform(data: ArrayBuffer): Binding;
  /** Encodes a dispatch after everything that the library has encoded. When it is submitted is the library's decision. */
  encode(encoding: Encoding): void;
  /**
   * Runs `make`. Tensors that `empty` and `ops` make meanwhile are freed at its end, except those that it returns. It
   * may be nested. If `make` throws, all are freed.
   */
  scope<R extends Tensors<T>>(make: () => R): R;
  /**
   * Present if the library has tensors that grow: a KV cache then grows in place. It needs `stored`. Default: each append
   * writes a new cache.
   */
  readonly growing?: Growing<T>;
  /** Present if the library records a tape for gradients. */
  readonly tape?: Tape<T>;
}

/** A library's own tape of operations, on which a kernel is one operation. */
export interface Tape<T> {
  /** True while operations are recorded. */
  readonly recording: boolean;
  /** All operations; each is recorded if the tape is recording. */
  readonly ops: EagerOps<T>;
  /** Runs an operation and records its gradient. Scratch tensors are freed. It is called only if the tape is recording. */
  record(operation: Operation<T>): Tensors<T>;
}

/** Several tensors from several, as one differentiable operation. */
export interface Operation<T> extends JointOperation<T> {
  forward(): Tensors<T>;
}

/**
 * Runs an operation and frees its scratch tensors. If the host's tape is recording, the operation is one entry of it.
 * @example
 * ```ts
 * const { y } = operation(host, { inputs: { x }, forward: () => ({ y: double(host, x) }), backward });
 * ```
 */
export const operation = <T>(host: Host<T>, op: Operation<T>): Tensors<T> =>
  host.tape?.recording ? host.tape.record(op) : host.scope(() => op.forward());

/** A backend whose tensors WebGPU kernels can read and write. It has `"webgpu"` among its `hosts`. */
export interface WebgpuBackend<T> {
  /**
   * Returns the host, or the reason why there is none now, as a sentence without its full stop. The answer may change where
   * a library can switch its device.
   */
  webgpuHost(): Host<T> | string;
}

/**
 * Returns the host of a backend's tensors, or the reason why it has none now.
 * @example
 * ```ts
 * const host = hostOf(backend);
 * if (typeof host === "string") return host; // for example "tfjs runs on cpu, not on webgpu"
 * ```
 */
export function hostOf<T>(backend: Backend<T>): Host<T> | string {
  const given = backend as Backend<T> & Partial<WebgpuBackend<T>>;
  return given.webgpuHost?.() ?? `${backend.name} has no WebGPU tensors`;
}
