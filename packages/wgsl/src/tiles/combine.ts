import type { Tensors } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import { dispatch, grid } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { completion } from "./complete.ts";
import type { Pairs } from "./pairs.ts";
import { rootOf, type Weights } from "./weights.ts";

const THREADS = 64;

export interface Parts<T> {
  readonly splits: number;
  readonly lse: boolean;
  readonly dv: number;
  readonly weights: Pick<Weights, "kind" | "over">;
  /** The keys of the parts, if they have an `ownMask`: it is applied to the cache. */
  readonly masked?: Pairs<T> | undefined;
}

/**
 * Merges outputs of the same rows over `splits` sets of keys: `y [splits, ..., dv]`, `lse [splits, ...]`. Outputs of softmax
 * are weighted by their normalisers (`mergeOutputs` of core); lse is -Infinity if the row sees no keys of a set. Outputs of
 * sums are added; lse holds the number of keys. The merged y has the storage of results.
 */
export function combine<T>(host: Host<T>, { y, lse }: Tensors<T>, how: Parts<T>): Tensors<T> {
  const { splits, dv, weights, masked } = how;
  const [, ...lead] = host.shape(lse!);
  const outputs = { whole: host.empty([...lead, dv], host.results), ...(how.lse && { normaliser: host.empty(lead) }) };
  const rows = elementCount(lead);
  // Threads take four channels each, if that is possible.
  const [wide, four] = dv % 4 === 0 ? [dv / 4, "4"] : [dv, ""];
  const cache = masked && completion(host, masked);
  const code = `
  @compute @workgroup_size(${THREADS})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let at = (group.x + group.y * groups.x) * ${THREADS}u + thread;
    ${cache?.code ?? ""}
    if (at >= p.rows * p.wide) { return; }
    let row = at / p.wide;
    var sum = ${four ? "vec4f()" : "0.0"};
    var l = 0.0;
    ${merge(weights, `y_at${four}(s * p.rows * p.wide + at)`)}
    whole_put${four}(at, sum * factor);
    ${how.lse ? "if (at % p.wide == 0u) { normaliser_put(row, select(p.none, top + logarithm(l), l != 0.0)); }" : ""}
  }`;
  dispatch(host, {
    ...{ name: "combine", code, vec4: four ? ["y", "whole"] : [] },
    inputs: { y: y!, lse: lse!, ...cache?.inputs },
    outputs: { ...outputs, ...cache?.outputs },
    stored: cache?.stored ?? [],
    sizes: { rows, wide, splits, ...cache?.sizes },
    floats: { none: Number.NEGATIVE_INFINITY, over: weights.over ?? 0 },
    workgroups: grid(host, Math.ceil(Math.max(rows * wide, cache?.cells ?? 0) / THREADS)),
  });
  return { y: outputs.whole, ...(outputs.normaliser && { lse: outputs.normaliser }) };
}

/** WGSL that adds the outputs `own` to `sum` and their weights to `l`, and declares the `factor` of the sum. */
function merge({ kind, over }: Parts<never>["weights"], own: string): string {
  if (kind === "sum")
    return `
    for (var s = 0u; s < p.splits; s++) { sum += ${own}; l += lse_at(s * p.rows + row); }
    let factor = ${rootOf(over, "l")};`;
  return `
    // Minus infinity, by its bits: WGSL may assume that there is none. The lowest number is the lse of a row with that bias.
    let lowest = bitcast<f32>(0xff7fffffu);
    var top = lowest;
    for (var s = 0u; s < p.splits; s++) {
      let own = lse_at(s * p.rows + row);
      top = max(top, select(own, lowest, bitcast<u32>(own) == 0xff800000u));
    }
    for (var s = 0u; s < p.splits; s++) {
      let own = lse_at(s * p.rows + row);
      let weight = select(exp(limited(own - top, -1000.0, 0.0)), 0.0, bitcast<u32>(own) == 0xff800000u);
      sum += weight * ${own};
      l += weight;
    }
    let factor = select(0.0, 1.0 / l, l != 0.0);`;
}
