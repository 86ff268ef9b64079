import type { CacheOps } from "@attnkit/core/program";
import type { Host } from "@attnkit/wgsl";
import type { Commands } from "./device/commands.ts";
import type { Memory } from "./memory.ts";
import { tidyRecord } from "./scopes.ts";
import { bytesOf, type FloatType, type GpuTensor } from "./tensor.ts";

/** Returns the tensors of this backend as kernels see them. `ops` are read when a kernel first uses them. */
export function hostOf(
  device: GPUDevice,
  memory: Memory,
  commands: Commands,
  results: FloatType,
  ops: () => CacheOps<GpuTensor, number>,
): Host<GpuTensor> {
  return {
    device,
    results,
    get ops() {
      return ops();
    },
    shape: (x) => memory.own(x).shape,
    storage: (x) => memory.own(x).dtype,
    binding: (x) => ({ buffer: memory.own(x).buffer, offset: x.offset, size: bytesOf(x) }),
    empty: (shape, storage) => memory.make(shape, storage),
    uniform: (data) => commands.parameters(data),
    encode(encoding) {
      commands.dispatch(encoding);
      memory.submitSoon();
    },
    // In debug mode an error of a kernel that is encoded here is reported too.
    scope: (make) => commands.guarded("a kernel", () => tidyRecord(memory, make)),
  };
}
