import type { Binding, Encoding } from "@attnkit/wgsl";
import type { ErrorScopes } from "./error-scopes.ts";
import type { Health } from "./health.ts";
import { batchParameters } from "./parameters.ts";
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
export interface Commands {
  /** The serial number of the batch that is being encoded. */
  readonly batch: number;
  /** True if commands are encoded and not yet submitted. */
  readonly pending: boolean;
  /** Calls `encode`, in debug mode inside error scopes. `what` names the operation in errors. */
  guarded<R>(what: string, encode: () => R): R;
  /** Encodes a dispatch. One pass holds all dispatches up to a copy. */
  dispatch(encoding: Encoding): void;
  /** Stores the parameters of a dispatch. */
  parameters(data: ArrayBuffer): Binding;
  /** Copies bytes between two buffers. Offsets and `bytes` are multiples of 4. */
  copy(from: BufferOffset, to: BufferOffset, bytes: number): void;
  /** Submits all encoded commands, if there are any, by one call of `queue.submit`. */
  flush(): void;
  /** Debug mode: rejects with the first error of the commands and allocations so far. Resolves at once otherwise. */
  checked(): Promise<void>;
}

export function deviceCommands(device: GPUDevice, pool: BufferPool, health: Health, scopes: ErrorScopes): Commands {
  const parameters = batchParameters(device, pool);
  let encoder: GPUCommandEncoder | undefined;
  let pass: GPUComputePassEncoder | undefined;
  let batch = 0;
  const open = () => {
    encoder ??= device.createCommandEncoder({ label: "attnkit" });
    return encoder;
  };
  const endPass = () => {
    pass?.end();
    pass = undefined;
  };
  const flush = () => {
    if (encoder !== undefined) {
      endPass();
      parameters.write();
      device.queue.submit([encoder.finish()]);
      encoder = undefined;
      batch += 1;
    }
    pool.trim();
  };
  return {
    get batch() {
      return batch;
    },
    get pending() {
      return encoder !== undefined;
    },
    guarded(what, encode) {
      health.require();
      return scopes.guarded(what, encode, flush);
    },
    dispatch({ pipeline, bindGroup, workgroups }) {
      pass ??= open().beginComputePass({ label: "attnkit" });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...workgroups);
    },
    parameters: parameters.place,
    copy(from, to, bytes) {
      endPass();
      open().copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes);
    },
    flush,
    checked: scopes.checked,
  };
}
