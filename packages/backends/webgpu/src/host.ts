import { type EagerTape, strides } from "@attnkit/core/backend";
import type { Binding, Host } from "@attnkit/wgsl";
import type { Commands } from "./device/commands.ts";
import type { Memory } from "./memory.ts";
import type { Gpu } from "./ops/gpu.ts";
import { compact } from "./ops/pointwise.ts";
import { tidyRecord } from "./scopes.ts";
import { bytesOf, type FloatType, type GpuTensor } from "./tensor.ts";

/**
 * Returns the tensors of this backend as kernels see them. `tape` is read when a kernel first uses it.
 * @param cacheCapacity The least number of tokens that a cache gets room for when it is first appended to.
 */
export function hostOf(
  device: GPUDevice,
  memory: Memory,
  commands: Commands,
  results: FloatType,
  tape: () => EagerTape<GpuTensor>,
  cacheCapacity: number,
): Host<GpuTensor> {
  /** Row-major copies for the dispatch that is being made. */
  const copies: GpuTensor[] = [];
  /** The number of copies that are being encoded: their own dispatches free none. */
  let copying = 0;
  const copyOf = (x: GpuTensor): GpuTensor => {
    copying += 1;
    try {
      const copy = memory.outsideScopes(() => compact(gpu, x));
      copies.push(copy);
      return copy;
    } finally {
      copying -= 1;
    }
  };
  const rangeOf = (x: GpuTensor): Binding => ({ buffer: x.buffer, offset: x.offset, size: bytesOf(x) });

  const host: Host<GpuTensor> = {
    device,
    results,
    get ops() {
      return tape().ops;
    },
    shape: (x) => memory.own(x).shape,
    storage: (x) => memory.own(x).dtype,
    binding: (x) => rangeOf(memory.own(x).strides ? copyOf(x) : x),
    stored: (x) => ({ binding: rangeOf(memory.own(x)), strides: x.strides ?? strides(x.shape) }),
    empty: (shape, storage) => memory.make(shape, storage),
    uniform: (data) => commands.parameters(data),
    encode(encoding) {
      commands.dispatch(encoding);
      if (copying === 0) for (const copy of copies.splice(0)) memory.free(copy);
      memory.submitSoon();
    },
    // In debug mode an error of a kernel that is encoded here is reported too. A tape needs intermediate tensors later.
    scope: (make) => commands.guarded("a kernel", () => (tape().recording ? make() : tidyRecord(memory, make))),
    growing: {
      capacity: cacheCapacity,
      make: memory.growing,
      longer: memory.longer,
      copy: (from, to) => commands.copy(from, to, from.size),
    },
    tape: {
      get recording() {
        return tape().recording;
      },
      get ops() {
        return tape().ops;
      },
      record: (operation) =>
        tape().record(operation, () =>
          commands.guarded("a kernel", () => tidyRecord(memory, () => operation.forward())),
        ),
    },
  };
  const gpu: Gpu = { memory, commands, host };
  return host;
}
