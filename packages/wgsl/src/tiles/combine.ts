import type { Tensors } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import { dispatch, grid } from "../dispatch.ts";
import type { Host } from "../host.ts";

const THREADS = 64;

/**
 * Merges outputs of the same rows over `splits` sets of keys, weighted by their normalisers (`mergeOutputs` of core).
 * `y [splits, ..., dv]`, `lse [splits, ...]`, -Infinity if the row sees no keys of a set. The merged y has the storage of results.
 */
export function combine<T>(
  host: Host<T>,
  { y, lse }: Tensors<T>,
  how: { readonly splits: number; readonly lse: boolean; readonly dv: number },
): Tensors<T> {
  const { splits, dv } = how;
  const [, ...lead] = host.shape(lse!);
  const outputs = { whole: host.empty([...lead, dv], host.results), ...(how.lse && { normaliser: host.empty(lead) }) };
  const rows = elementCount(lead);
  const code = `
  // Minus infinity, by its bits: WGSL may assume that there is none. The lowest number is the lse of a row with that bias.
  fn is_empty(at: u32) -> bool { return bitcast<u32>(lse_at(at)) == 0xff800000u; }

  @compute @workgroup_size(${THREADS})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let at = (group.x + group.y * groups.x) * ${THREADS}u + thread;
    if (at >= p.rows * p.dv) { return; }
    let row = at / p.dv;
    let lowest = bitcast<f32>(0xff7fffffu);
    var top = lowest;
    for (var s = 0u; s < p.splits; s++) { top = max(top, select(lse_at(s * p.rows + row), lowest, is_empty(s * p.rows + row))); }
    var sum = 0.0;
    var l = 0.0;
    for (var s = 0u; s < p.splits; s++) {
      let own = lse_at(s * p.rows + row);
      let weight = select(exp(limited(own - top, -1000.0, 0.0)), 0.0, is_empty(s * p.rows + row));
      sum += weight * y_at(s * p.rows * p.dv + at);
      l += weight;
    }
    whole_put(at, select(0.0, sum / l, l != 0.0));
    ${how.lse ? "if (at % p.dv == 0u) { normaliser_put(row, select(p.none, top + logarithm(l), l != 0.0)); }" : ""}
  }`;
  dispatch(host, {
    ...{ name: "combine", code, inputs: { y: y!, lse: lse! }, outputs, sizes: { rows, dv, splits } },
    floats: { none: Number.NEGATIVE_INFINITY },
    workgroups: grid(host, Math.ceil((rows * dv) / THREADS)),
  });
  return { y: outputs.whole, ...(outputs.normaliser && { lse: outputs.normaliser }) };
}
