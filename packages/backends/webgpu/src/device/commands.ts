import type { Binding, Encoding } from "@attnkit/wgsl";
import type { ErrorScopes } from "./error-scopes.ts";
import type { Health } from "./health.ts";
import { Parameters } from "./parameters.ts";
import type { BufferPool } from "./pool.ts";

/** A place in a buffer, in bytes. */
interface BufferOffset {
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

/**
 * Commands for the GPU. They are collected and submitted together by `flush`. In debug mode, each operation is submitted alone
 * inside error scopes, so that an error names the operation.
 */
export class Commands {
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #health: Health;
  readonly #scopes: ErrorScopes;
  readonly #parameters: Parameters;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #batch = 0;

  constructor(device: GPUDevice, pool: BufferPool, health: Health, scopes: ErrorScopes) {
    this.#device = device;
    this.#pool = pool;
    this.#health = health;
    this.#scopes = scopes;
    this.#parameters = new Parameters(device, pool);
  }

  /** The serial number of the batch that is being encoded. */
  get batch(): number {
    return this.#batch;
  }

  /** True if commands are encoded and not yet submitted. */
  get pending(): boolean {
    return this.#encoder !== undefined;
  }

  /** Calls `encode`, in debug mode inside error scopes. `what` names the operation in errors. */
  guarded<R>(what: string, encode: () => R): R {
    this.#health.require();
    return this.#scopes.guarded(what, encode, () => this.flush());
  }

  /** Encodes a dispatch. One pass holds all dispatches up to a copy. */
  dispatch({ pipeline, bindGroup, workgroups }: Encoding): void {
    this.#pass ??= this.#open().beginComputePass({ label: "attnkit" });
    this.#pass.setPipeline(pipeline);
    this.#pass.setBindGroup(0, bindGroup);
    this.#pass.dispatchWorkgroups(...workgroups);
  }

  parameters(data: ArrayBuffer): Binding {
    return this.#parameters.place(data);
  }

  /** Copies bytes between two buffers. Offsets and `bytes` are multiples of 4. */
  copy(from: BufferOffset, to: BufferOffset, bytes: number): void {
    this.#endPass();
    this.#open().copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes);
  }

  /** Submits all encoded commands, if there are any, by one call of `queue.submit`. */
  flush(): void {
    if (this.#encoder !== undefined) {
      this.#endPass();
      this.#parameters.write();
      this.#device.queue.submit([this.#encoder.finish()]);
      this.#encoder = undefined;
      this.#batch += 1;
    }
    this.#pool.trim();
  }

  /** Debug mode: rejects with the first error of the commands and allocations so far. Resolves at once otherwise. */
  checked(): Promise<void> {
    return this.#scopes.checked();
  }

  #open(): GPUCommandEncoder {
    this.#encoder ??= this.#device.createCommandEncoder({ label: "attnkit" });
    return this.#encoder;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }
}
