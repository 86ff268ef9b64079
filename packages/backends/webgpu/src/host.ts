import type { EagerTape } from "@attnkit/core/backend";
import type { Host } from "@attnkit/wgsl";
import type { Commands } from "./device/commands.ts";
import type { Memory } from "./memory.ts";
import { tidyRecord } from "./scopes.ts";
import { bytesOf, type FloatType, type GpuTensor } from "./tensor.ts";

/** Returns the tensors of this backend as kernels see them. `tape` is read when a kernel first uses it. */
export function hostOf(
  device: GPUDevice,
  memory: Memory,
  commands: Commands,
  results: FloatType,
  tape: () => EagerTape<GpuTensor>,
): Host<GpuTensor> {
  return {
    device,
    results,
    get ops() {
      return tape().ops;
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
    // In debug mode an error of a kernel that is encoded here is reported too. A tape needs intermediate tensors later.
    scope: (make) => commands.guarded("a kernel", () => (tape().recording ? make() : tidyRecord(memory, make))),
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
}
