import { AttentionError } from "@attnkit/core";
import type { EagerTape } from "@attnkit/core/backend";
import type { Host } from "@attnkit/wgsl";
import type { Commands } from "./device/commands.ts";
import type { Memory } from "./memory.ts";
import { tidyRecord } from "./scopes.ts";
import { bytesOf, type GpuTensor } from "./tensor.ts";

/** Returns the tensors of this backend as kernels see them. `tape` is read when a kernel first uses it. */
export function hostOf(
  device: GPUDevice,
  memory: Memory,
  commands: Commands,
  tape: () => EagerTape<GpuTensor>,
): Host<GpuTensor> {
  return {
    device,
    get ops() {
      return tape().ops;
    },
    shape: (x) => memory.own(x).shape,
    storage: (x) => memory.own(x).dtype,
    binding: (x) => ({ buffer: memory.own(x).buffer, offset: x.offset, size: bytesOf(x) }),
    empty(shape, storage = "float32") {
      if (storage === "float16")
        throw new AttentionError("ATTN_UNSUPPORTED", "webgpu", "got storage float16, expected float32 or boolean");
      return memory.make(shape, storage);
    },
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
