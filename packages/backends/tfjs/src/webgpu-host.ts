import type { Shape } from "@attnkit/core";
import type { EagerOps } from "@attnkit/core/program";
import type { Host } from "@attnkit/wgsl";
import { float } from "./layout.ts";
import { tapeOf } from "./tape.ts";
import type { Tensor, Tf } from "./tf.ts";

/**
 * The part of tfjs's WebGPU backend that kernels use. tfjs's own `runWebGPUProgram` writes one output per program and
 * does not support workgroup memory. Kernels are therefore encoded into tfjs's command stream directly.
 */
interface WebGPUBackend {
  readonly device: GPUDevice;
  readonly tensorMap: { get(dataId: object): { resource?: GPUBuffer } };
  readonly bufferManager: { acquireBuffer(size: number, usage: number): GPUBuffer };
  uploadToGPU(dataId: object): void;
  makeTensorInfo(shape: number[], dtype: "float32" | "bool"): { dataId: object; shape: number[]; dtype: "float32" };
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  commandEncoder: GPUCommandEncoder;
  commandQueueOwnedIds: WeakSet<object>;
  uniformPendingDisposal: GPUBuffer[];
  dispatchCountInPass: number;
}

const made = new WeakMap<object, Host<Tensor>>();

/** Returns the host of the WebGPU backend that tfjs runs on now, or the reason why it runs on none. */
export function webgpuHost(tf: Tf, ops: EagerOps<Tensor>): Host<Tensor> | string {
  if (tf.getBackend() !== "webgpu") return `tfjs runs on ${tf.getBackend()}, not on webgpu`;
  const backend = tf.backend() as unknown as WebGPUBackend;
  if (!("uniformPendingDisposal" in backend)) return "this version of tfjs-backend-webgpu is unknown; expected 4.22";
  const known = made.get(ops);
  if (known?.device === backend.device) return known;
  const host = hostOn(tf, ops, backend);
  made.set(ops, host);
  return host;
}

function hostOn(tf: Tf, ops: EagerOps<Tensor>, backend: WebGPUBackend): Host<Tensor> {
  const { device } = backend;
  return {
    device,
    ops,
    tape: tapeOf(tf, ops),
    shape: (x) => x.shape,
    storage: ({ dtype }) => (dtype === "bool" ? "boolean" : "float32"),
    binding(x) {
      // Integers are numbers, as for all operations. The scope of the kernel frees the copy.
      const { dataId } = x.dtype === "bool" ? x : float(tf, x);
      backend.uploadToGPU(dataId);
      // tfjs does not recycle these buffers while the queue still needs them.
      backend.commandQueueOwnedIds.add(dataId);
      return whole(backend.tensorMap.get(dataId).resource as GPUBuffer);
    },
    empty(shape: Shape, storage = "float32") {
      if (storage === "float16") throw new TypeError("tfjs has no tensors of 16-bit floats");
      const info = backend.makeTensorInfo([...shape], storage === "float32" ? "float32" : "bool");
      backend.uploadToGPU(info.dataId);
      return tf.engine().makeTensorFromTensorInfo(info);
    },
    uniform(data) {
      const buffer = backend.bufferManager.acquireBuffer(data.byteLength, UNIFORM_COPY_DST);
      device.queue.writeBuffer(buffer, 0, data);
      backend.uniformPendingDisposal.push(buffer);
      return whole(buffer);
    },
    encode({ label, pipeline, bindGroup, workgroups }) {
      backend.ensureCommandEncoderReady();
      backend.endComputePassEncoder();
      const pass = backend.commandEncoder.beginComputePass({ label });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...(workgroups as [number]));
      pass.end();
      backend.dispatchCountInPass += 1;
      if (backend.dispatchCountInPass >= tf.env().getNumber("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE")) backend.submitQueue();
    },
    scope: (make) => tf.tidy(make),
  };
}

const whole = (buffer: GPUBuffer) => ({ buffer, offset: 0, size: buffer.size });

/**
 * `GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST`. The values are fixed by the standard; the global is missing in
 * Node.
 */
const UNIFORM_COPY_DST = 0x40 | 0x08;
