import type { Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import { accessors, type Element, elementType, halves } from "./elements.ts";
import type { Binding, Host } from "./host.ts";
import { keepsNaN } from "./nan.ts";
import { storedBinding } from "./stored.ts";

/** A compute dispatch over tensors of a host. */
export interface Dispatch<T> {
  /** The label that GPU debuggers show. */
  readonly name: string;
  /**
   * WGSL with an entry point `main`. A tensor `x` is read by `x_at(i)`, or four floats at a time by `x_at4(i)` if it is in
   * `vec4`, and as a boolean by `x_true(i)`; an output `y` is written by `y_put(i, x)` or `y_put4(i, x)`; see `accessors`. These serve every storage. The
   * arrays stand under the names of the tensors: `array<f32>`, `array<vec4f>` if in `vec4`, `array<i32>` if boolean, words
   * of halves otherwise. Parameters are fields of `p`. The functions of `keepsNaN` are declared too. Every tensor and `p`
   * must be used.
   */
  readonly code: string;
  readonly inputs: Tensors<T>;
  /** The tensors that the kernel writes. None may be an input. */
  readonly outputs: Tensors<T>;
  /** Names of tensors to declare as vectors of four. Their last axis must be a multiple of 4. */
  readonly vec4?: readonly string[];
  /**
   * Names of tensors that are bound as they are stored. The kernel finds their elements by the strides of `host.stored`. All
   * others are dense and row-major.
   */
  readonly stored?: readonly string[];
  /** Parameters of type `u32`, such as sizes and offsets. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Parameters of type `f32`, such as factors. */
  readonly floats?: Readonly<Record<string, number>>;
  /** Extensions of WGSL that the code uses. The device must have their features. Default: none. */
  readonly enables?: readonly "subgroups"[];
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
    ...[...Object.entries(d.inputs), ...Object.entries(d.outputs)].map(([name, x]) =>
      d.stored?.includes(name) ? storedBinding(host, x) : host.binding(x),
    ),
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
function headerOf<T>(
  host: Host<T>,
  { code, inputs, outputs, sizes = {}, floats = {}, vec4 = [], enables = [] }: Dispatch<T>,
): string {
  const element =
    (written: boolean) =>
    ([name, x]: [string, T]): Element => {
      const storage = host.storage(x);
      return { name, storage, vec4: storage !== "boolean" && vec4.includes(name), written };
    };
  const elements = [...Object.entries(inputs).map(element(false)), ...Object.entries(outputs).map(element(true))];
  const named = elements.map((x) => {
    const access = x.written ? "read_write" : "read";
    return `var<storage, ${access}> ${x.name}: array<${elementType(x, code)}>;`;
  });
  const fields = [...Object.keys(sizes).map((n) => `${n}: u32,`), ...Object.keys(floats).map((n) => `${n}: f32,`)];
  const lines = [...named, ...(fields.length ? ["var<uniform> p: Parameters;"] : [])];
  const struct = fields.length ? `struct Parameters { ${fields.join(" ")} }\n` : "";
  return [
    ...enables.map((name) => `enable ${name};\n`),
    struct,
    ...lines.map((line, i) => `@group(0) @binding(${i}) ${line}\n`),
    elements.some(({ storage }) => storage === "float16") ? halves : "",
    ...elements.map((x) => accessors(x, code)),
  ].join("");
}

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
