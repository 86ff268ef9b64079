import { AttentionError } from "@attnkit/core";
import type * as ORT from "onnxruntime-common";
import type { Ort } from "./ort.ts";

/** Reads and copies tensors in any location: CPU memory or GPU buffers. */
export interface Places {
  /** Reads the values of a tensor without moving it. ONNX Runtime's own `getData` would turn it into a CPU tensor. */
  read(x: ORT.Tensor): Promise<ORT.Tensor.DataType>;
  /** Makes a second tensor with the same values in the same location. Each of the two is disposed of separately. */
  twin(x: ORT.Tensor): Promise<ORT.Tensor>;
}

/**
 * Makes `Places`. `device` is the WebGPU device of the sessions. If it is absent, the one that ONNX Runtime created is
 * used.
 */
export function placesOf(ort: Ort, device: GPUDevice | undefined): Places {
  const { Tensor, env } = ort;
  const own = async (): Promise<GPUDevice> => {
    const found = device ?? ((await env.webgpu?.device) as GPUDevice | undefined);
    if (found) return found;
    const message =
      "this build of ONNX Runtime cannot read a GPU buffer; " + 'set sessionOptions.preferredOutputLocation to "cpu"';
    throw new AttentionError("ATTN_UNSUPPORTED", "onnx", message);
  };
  const read: Places["read"] = async (x) => {
    if (x.location !== "gpu-buffer") return x.getData();
    if (x.type !== "float32" && x.type !== "bool")
      throw new AttentionError("ATTN_DATA", "onnx", `got a GPU tensor of ${x.type}, expected float32 or bool`);
    const bytes = await downloaded(await own(), x.gpuBuffer as GPUBuffer, x.type === "bool" ? x.size : 4 * x.size);
    return x.type === "bool" ? new Uint8Array(bytes) : new Float32Array(bytes);
  };
  return {
    read,
    async twin(x) {
      if (x.location !== "gpu-buffer") {
        // On the CPU both tensors share memory. Nothing writes to it, and it is freed with the last of them.
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

/** Rounds a number of bytes up to a multiple of 4: WebGPU copies 4-byte words, and buffer sizes are multiples of 4. */
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
