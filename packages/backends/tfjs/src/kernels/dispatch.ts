import type { Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import type { Tensor } from "../tf.ts";
import type { Gpu } from "./gpu.ts";
import { keepsNaN } from "./nan.ts";

/** A compute dispatch. */
export interface Dispatch {
  /** The label that GPU debuggers show. */
  readonly name: string;
  /**
   * WGSL with an entry point `main`. Each tensor is declared under its name as `array<f32>`. It is `array<vec4f>` if
   * listed in `vec4`, and `array<i32>` if boolean: non-zero is true. Parameters are fields of `p`. The functions of
   * `keepsNaN` are declared too.
   */
  readonly code: string;
  readonly inputs: Tensors<Tensor>;
  /** The tensors that the kernel writes. None may be an input. */
  readonly outputs: Tensors<Tensor>;
  /** Names of tensors to declare as vectors of four. Their last axis must be a multiple of 4. */
  readonly vec4?: readonly string[];
  /** Parameters of type `u32`, such as sizes and offsets. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Parameters of type `f32`, such as factors. */
  readonly floats?: Readonly<Record<string, number>>;
  readonly workgroups: readonly [x: number, y?: number, z?: number];
}

/** The number of pipelines that are kept per device. */
const MOST_PIPELINES = 256;

/** Pipelines by their text. They go with the device that they were made on. */
const pipelines = new WeakMap<GPUDevice, Remembered<string, GPUComputePipeline>>();

/**
 * Encodes a dispatch after everything that tfjs has encoded so far. It does not wait and downloads nothing.
 * @example
 * ```ts
 * const y = output(gpu, [n]);
 * const code = "@compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) { y[id.x] = 2.0 * x[id.x]; }";
 * dispatch(gpu, { name: "double", code, inputs: { x }, outputs: { y }, workgroups: [n] });
 * ```
 */
export function dispatch(gpu: Gpu, d: Dispatch): void {
  const { backend, device } = gpu;
  const tensors = [...Object.values(d.inputs), ...Object.values(d.outputs)];
  for (const { dataId } of tensors) {
    backend.uploadToGPU(dataId);
    // tfjs does not recycle these buffers while the queue still needs them.
    backend.commandQueueOwnedIds.add(dataId);
  }
  const pipeline = pipelineOf(device, d.name, headerOf(d) + keepsNaN + d.code);
  const buffers = tensors.map(({ dataId }) => backend.tensorMap.get(dataId).resource as GPUBuffer);
  const uniform = uniformOf(gpu, d);
  const entries = [...buffers, ...(uniform ? [uniform] : [])].map((buffer, binding) => ({
    binding,
    resource: { buffer },
  }));
  const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  const pass = backend.commandEncoder.beginComputePass({ label: d.name });
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...(d.workgroups as [number]));
  pass.end();
  backend.dispatchCountInPass += 1;
  if (backend.dispatchCountInPass >= gpu.tf.env().getNumber("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE")) backend.submitQueue();
}

/**
 * Returns a grid of at least `n` workgroups within the device's limit per axis. The kernel computes its index as
 * `group.x + group.y * groups.x` and returns if it is >= n.
 * @example
 * ```ts
 * dispatch(gpu, { name, code, inputs, outputs, workgroups: grid(gpu, Math.ceil(n / 64)) });
 * ```
 */
export function grid(gpu: Gpu, n: number): [number, number] {
  const most = gpu.device.limits.maxComputeWorkgroupsPerDimension;
  const y = Math.ceil(n / most);
  return [Math.ceil(n / y), y];
}

function pipelineOf(device: GPUDevice, label: string, code: string): GPUComputePipeline {
  const known = pipelines.get(device) ?? new Remembered<string, GPUComputePipeline>(MOST_PIPELINES);
  pipelines.set(device, known);
  return known.get(code, () => {
    const module = device.createShaderModule({ label, code });
    return device.createComputePipeline({ label, layout: "auto", compute: { module, entryPoint: "main" } });
  });
}

/**
 * Declares the bindings in the order inputs, outputs, parameters. The code must use every binding, because layouts are
 * inferred.
 */
function headerOf({ inputs, outputs, sizes = {}, floats = {}, vec4 = [] }: Dispatch): string {
  const type = (name: string, { dtype }: Tensor) =>
    dtype === "float32" ? (vec4.includes(name) ? "vec4f" : "f32") : "i32";
  const named = [
    ...Object.entries(inputs).map(([n, t]) => `var<storage, read> ${n}: array<${type(n, t)}>;`),
    ...Object.entries(outputs).map(([n, t]) => `var<storage, read_write> ${n}: array<${type(n, t)}>;`),
  ];
  const fields = [...Object.keys(sizes).map((n) => `${n}: u32,`), ...Object.keys(floats).map((n) => `${n}: f32,`)];
  const lines = [...named, ...(fields.length ? ["var<uniform> p: Parameters;"] : [])];
  const struct = fields.length ? `struct Parameters { ${fields.join(" ")} }\n` : "";
  return `${struct}${lines.map((line, i) => `@group(0) @binding(${i}) ${line}\n`).join("")}`;
}

function uniformOf({ backend, device }: Gpu, { sizes = {}, floats = {} }: Dispatch): GPUBuffer | undefined {
  const [whole, real] = [Object.values(sizes), Object.values(floats)];
  const n = whole.length + real.length;
  if (n === 0) return undefined;
  const data = new ArrayBuffer(Math.ceil(n / 4) * 16);
  new Uint32Array(data, 0, whole.length).set(whole);
  new Float32Array(data, whole.length * 4, real.length).set(real);
  const buffer = backend.bufferManager.acquireBuffer(data.byteLength, UNIFORM_COPY_DST);
  device.queue.writeBuffer(buffer, 0, data);
  backend.uniformPendingDisposal.push(buffer);
  return buffer;
}

/**
 * `GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST`. The values are fixed by the standard; the global is missing in
 * Node.
 */
const UNIFORM_COPY_DST = 0x40 | 0x08;
