import type { Tensors } from "@attnkit/core";
import type { Tensor } from "../../tf.ts";
import { dispatch, grid } from "../dispatch.ts";
import { type Gpu, output } from "../gpu.ts";

const THREADS = 64;

/**
 * Outputs of the same rows over `splits` sets of keys made one, weighted by their normalisers (`mergeOutputs` of core):
 * `y [splits, ..., dv]`, `lse [splits, ...]`, the lowest float32 in place of -Infinity.
 */
export function combine(
  gpu: Gpu,
  { y, lse }: Tensors<Tensor>,
  how: { readonly splits: number; readonly lse: boolean; readonly dv: number },
): Tensors<Tensor> {
  const { splits, dv } = how;
  const lead = lse!.shape.slice(1);
  const outputs = { whole: output(gpu, [...lead, dv]), ...(how.lse && { normaliser: output(gpu, lead) }) };
  const rows = lse!.size / splits;
  const code = `
  @compute @workgroup_size(${THREADS})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let at = (group.x + group.y * groups.x) * ${THREADS}u + thread;
    if (at >= p.rows * p.dv) { return; }
    let row = at / p.dv;
    let lowest = bitcast<f32>(0xff7fffffu);
    var top = lowest;
    for (var s = 0u; s < p.splits; s++) { top = max(top, lse[s * p.rows + row]); }
    var sum = 0.0;
    var l = 0.0;
    for (var s = 0u; s < p.splits; s++) {
      let own = lse[s * p.rows + row];
      let weight = select(exp(max(own - top, -1000.0)), 0.0, own == lowest);
      sum += weight * y[s * p.rows * p.dv + at];
      l += weight;
    }
    whole[at] = select(0.0, sum / l, l > 0.0);
    ${how.lse ? "if (at % p.dv == 0u) { normaliser[row] = select(p.none, top + log(l), l > 0.0); }" : ""}
  }`;
  dispatch(gpu, {
    ...{ name: "combine", code, inputs: { y: y!, lse: lse! }, outputs, sizes: { rows, dv, splits } },
    floats: { none: Number.NEGATIVE_INFINITY },
    workgroups: grid(gpu, Math.ceil((rows * dv) / THREADS)),
  });
  return { y: outputs.whole, ...(outputs.normaliser && { lse: outputs.normaliser }) };
}
