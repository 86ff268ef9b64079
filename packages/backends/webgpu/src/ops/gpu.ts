import { elementCount } from "@attnkit/core/backend";
import { type Dispatch, dispatch, grid, type Host } from "@attnkit/wgsl";
import type { Commands } from "../device/commands.ts";
import type { Memory } from "../memory.ts";
import type { ElementType, GpuTensor } from "../tensor.ts";

/** The parts that operations are made from. */
export interface Gpu {
  readonly memory: Memory;
  readonly commands: Commands;
  readonly host: Pick<Host<GpuTensor>, "device"> & Host<GpuTensor>;
}

/** The threads of a workgroup of the operations. */
export const THREADS = 64;

/** A kernel whose workgroups are counted along one axis. `n` of `p` is the number of its threads or workgroups. */
export type Kernel = Omit<Dispatch<GpuTensor>, "workgroups"> & { readonly groups: number };

/** Encodes a kernel. */
export const run = ({ host, commands }: Gpu, { groups, ...kernel }: Kernel): void =>
  commands.guarded(kernel.name, () => dispatch(host, { ...kernel, workgroups: grid(host, groups) }));

/** WGSL that begins a kernel of `THREADS` threads a workgroup: `group` is the index of the workgroup, `lane` that of the thread. */
export const begin: string = `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = id.x + id.y * groups.x;
`;

/** The same where a thread computes element `i` of `p.n`. */
export const beginElement: string = `${begin}  let i = group * ${THREADS}u + lane;
  if (i >= p.n) { return; }
`;

/** A kernel that computes the elements of a tensor in order. */
export interface ElementKernel extends Pick<Kernel, "name" | "inputs" | "sizes" | "floats"> {
  /** WGSL functions that `body` calls. */
  readonly functions?: string;
  /** WGSL that returns element `i`: an i32 of a boolean tensor, an f32 of others. */
  readonly body: string;
  readonly out: GpuTensor;
}

/** Encodes a kernel with one thread for each word of the output: it writes one element, or two halves. */
export function eachElement(
  gpu: Gpu,
  { name, functions = "", body, inputs, out, sizes, floats = {} }: ElementKernel,
): void {
  const n = elementCount(out.shape);
  if (n === 0) return;
  const words = out.dtype === "float16" ? Math.ceil(n / 2) : n;
  const write = {
    float32: "y_put(i, element(i));",
    boolean: "y[i] = element(i);",
    float16: "y_put2(i, vec2f(element(2u * i), element(min(2u * i + 1u, p.last))));",
  }[out.dtype];
  run(gpu, {
    name,
    code: `${functions}
fn element(i: u32) -> ${out.dtype === "boolean" ? "i32" : "f32"} {${body}
}
${beginElement}  ${write}
}`,
    inputs,
    outputs: { y: out },
    sizes: { n: words, ...(out.dtype === "float16" && { last: n - 1 }), ...sizes },
    floats,
    groups: Math.ceil(words / THREADS),
  });
}

/** WGSL of one element of a tensor, of booleans as the i32 that is stored. */
export const elementAt = (name: string, { dtype }: { readonly dtype: ElementType }, at: string): string =>
  dtype === "boolean" ? `${name}[${at}]` : `${name}_at(${at})`;

/** WGSL of one element of a tensor as an f32; booleans become 0 and 1. */
export const numberAt = (name: string, { dtype }: { readonly dtype: ElementType }, at: string): string =>
  dtype === "boolean" ? `select(0.0, 1.0, ${name}_at(${at}))` : `${name}_at(${at})`;
