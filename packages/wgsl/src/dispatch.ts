import type { Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import type { Binding, Host, Storage } from "./host.ts";
import { keepsNaN } from "./nan.ts";

/** A compute dispatch over tensors of a host. */
export interface Dispatch<T> {
  /** The label that GPU debuggers show. */
  readonly name: string;
  /**
   * WGSL with an entry point `main`. Each tensor is declared under its name as `array<f32>`. It is `array<vec4f>` if
   * listed in `vec4`, `array<i32>` if boolean, and `array<u32>` if stored as pairs of halves; see `Storage`. Parameters
   * are fields of `p`. The functions of `keepsNaN` are declared too. Every tensor and `p` must be used.
   */
  readonly code: string;
  readonly inputs: Tensors<T>;
  /** The tensors that the kernel writes. None may be an input. */
  readonly outputs: Tensors<T>;
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
 * Encodes a dispatch after everything that the host's library has encoded so far. It does not wait and downloads nothing.
 * @example
 * ```ts
 * const y = host.empty([n]);
 * const code = "@compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) { y[id.x] = 2.0 * x[id.x]; }";
 * dispatch(host, { name: "double", code, inputs: { x }, outputs: { y }, workgroups: [n] });
 * ```
 */
export function dispatch<T>(host: Host<T>, d: Dispatch<T>): void {
  const { device } = host;
  const parameters = parametersOf(d);
  const bindings: Binding[] = [
    ...[...Object.values(d.inputs), ...Object.values(d.outputs)].map((x) => host.binding(x)),
    ...(parameters ? [host.uniform(parameters)] : []),
  ];
  const pipeline = pipelineOf(device, d.name, headerOf(host, d) + keepsNaN + d.code);
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: bindings.map((resource, binding) => ({ binding, resource })),
  });
  host.encode({ label: d.name, pipeline, bindGroup, workgroups: d.workgroups });
}

/**
 * Returns a grid of at least `n` workgroups within the device's limit per axis. The kernel computes its index as
 * `group.x + group.y * groups.x` and returns if it is >= n.
 * @example
 * ```ts
 * dispatch(host, { name, code, inputs, outputs, workgroups: grid(host, Math.ceil(n / 64)) });
 * ```
 */
export function grid({ device }: Pick<Host<never>, "device">, n: number): [number, number] {
  const most = device.limits.maxComputeWorkgroupsPerDimension;
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
function headerOf<T>(host: Host<T>, { inputs, outputs, sizes = {}, floats = {}, vec4 = [] }: Dispatch<T>): string {
  const type = (name: string, x: T) => {
    const own = ELEMENTS[host.storage(x)];
    return own === "f32" && vec4.includes(name) ? "vec4f" : own;
  };
  const named = [
    ...Object.entries(inputs).map(([n, t]) => `var<storage, read> ${n}: array<${type(n, t)}>;`),
    ...Object.entries(outputs).map(([n, t]) => `var<storage, read_write> ${n}: array<${type(n, t)}>;`),
  ];
  const fields = [...Object.keys(sizes).map((n) => `${n}: u32,`), ...Object.keys(floats).map((n) => `${n}: f32,`)];
  const lines = [...named, ...(fields.length ? ["var<uniform> p: Parameters;"] : [])];
  const struct = fields.length ? `struct Parameters { ${fields.join(" ")} }\n` : "";
  return `${struct}${lines.map((line, i) => `@group(0) @binding(${i}) ${line}\n`).join("")}`;
}

const ELEMENTS: Readonly<Record<Storage, string>> = { float32: "f32", boolean: "i32", float16: "u32" };

/** Returns the bytes of `p`, a multiple of 16, or undefined if it has no fields. */
function parametersOf<T>({ sizes = {}, floats = {} }: Dispatch<T>): ArrayBuffer | undefined {
  const [whole, real] = [Object.values(sizes), Object.values(floats)];
  const n = whole.length + real.length;
  if (n === 0) return undefined;
  const data = new ArrayBuffer(Math.ceil(n / 4) * 16);
  new Uint32Array(data, 0, whole.length).set(whole);
  new Float32Array(data, whole.length * 4, real.length).set(real);
  return data;
}
