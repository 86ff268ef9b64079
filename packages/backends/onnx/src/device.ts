import { AttentionError } from "@attnkit/core";
import type * as ORT from "onnxruntime-common";
import type { Ort } from "./ort.ts";

/** Tensors, wherever they are. */
export interface Places {
  /** The values of a tensor, which stays where it is; ONNX Runtime's `getData` makes it one of the CPU's. */
  read(x: ORT.Tensor): Promise<ORT.Tensor.DataType>;
  /** Another tensor of the same values in the same place, to be disposed of by itself. */
  twin(x: ORT.Tensor): Promise<ORT.Tensor>;
}

/** `device` is the one that sessions were given; without it, the one that ONNX Runtime says it made for them. */
export function placesOf(ort: Ort, device: GPUDevice | undefined): Places {
  const { Tensor, env } = ort;
  const own = async (): Promise<GPUDevice> => {
    const found = device ?? ((await env.webgpu?.device) as GPUDevice | undefined);
    if (found) return found;
    const message =
      "this build of ONNX Runtime does not read from a GPU buffer, and names no device that could; " +
      'expected outputs with preferredOutputLocation "cpu"';
    throw new AttentionError("ATTN_UNSUPPORTED", "onnx", message);
  };
  const read: Places["read"] = async (x) => {
    if (x.location !== "gpu-buffer") return x.getData();
    if (x.type !== "float32" && x.type !== "bool")
      throw new AttentionError("ATTN_DATA", "onnx", `a tensor of ${x.type} on the GPU; expected float32 or bool`);
    const bytes = await downloaded(await own(), x.gpuBuffer as GPUBuffer, x.type === "bool" ? x.size : 4 * x.size);
    return x.type === "bool" ? new Uint8Array(bytes) : new Float32Array(bytes);
  };
  return {
    read,
    async twin(x) {
      if (x.location !== "gpu-buffer") {
        // On the CPU the memory is shared: nothing writes to it, and it lives as long as either does.
        const data = await x.getData();
        return new Tensor(x.type as "float32", data as Float32Array, x.dims);
      }
      const buffer = copied(await own(), x.gpuBuffer as GPUBuffer);
      const twin: ORT.Tensor = Tensor.fromGpuBuffer(buffer as ORT.Tensor.GpuBufferType, {
        dataType: x.type as "float32",
        dims: x.dims,
        download: async () => (await read(twin)) as Float32Array,
        dispose: () => buffer.destroy(),
      });
      return twin;
    },
  };
}

/** Copies are of whole words; buffers are, too. */
const words = (bytes: number) => 4 * Math.ceil(bytes / 4);

async function downloaded(device: GPUDevice, from: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
  const size = words(bytes);
  const to = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  try {
    copy(device, from, to, size);
    await to.mapAsync(GPUMapMode.READ);
    return to.getMappedRange().slice(0, bytes);
  } finally {
    to.destroy();
  }
}

function copied(device: GPUDevice, from: GPUBuffer): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const to = device.createBuffer({ size: from.size, usage });
  copy(device, from, to, from.size);
  return to;
}

function copy(device: GPUDevice, from: GPUBuffer, to: GPUBuffer, size: number): void {
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(from, 0, to, 0, size);
  device.queue.submit([encoder.finish()]);
}
