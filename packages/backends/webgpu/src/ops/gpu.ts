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

/** WGSL of one element of a tensor as a number; booleans become 0 and 1. */
export const numberAt = (name: string, { dtype }: { readonly dtype: ElementType }, at: string): string =>
  dtype === "boolean" ? `select(0.0, 1.0, ${name}[${at}] != 0)` : `${name}[${at}]`;
