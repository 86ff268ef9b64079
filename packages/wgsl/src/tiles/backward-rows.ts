import { elementCount } from "@attnkit/core/backend";
import { dispatch, grid } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { remembered } from "./forward.ts";
import { type Pairs, type Shapes, shapesOf, sizesOf, visibility } from "./pairs.ts";
import type { Weights } from "./weights.ts";

const THREADS = 64;

/** The outputs `y` and `lse` of the forward pass, and their gradients `dy` and `dlse`. Weights of kind `"sum"` have no lse. */
export interface Seeds<T> {
  readonly y: T;
  readonly lse?: T | undefined;
  readonly dy: T;
  readonly dlse?: T | undefined;
}

/** The part of tile gradients that differs between kinds of weights: two numbers per row from which its weights are recomputed. */
export interface RowNumbers {
  /** Computes them, `[2, rows]`. */
  compute<T>(host: Host<T>, pairs: Pairs<T>, weights: Weights, seeds: Seeds<T>): T;
  /**
   * WGSL `weight_of(s, first)`, the weights of four pairs, and `pull_of(s, w, g, first, second)`, the gradients of their products
   * s from those of their weighted values, g.
   */
  readonly wgsl: string;
}

/** `"softmax"`: the lse of a row, and `sum_c dy_c y_c - dlse`. */
export const softmaxNumbers: RowNumbers = {
  compute: (host, { dims }, _, seeds) => softmaxRows(host, seeds, dims.dv),
  wgsl: `
  fn weight_of(s: vec4f, lse: vec4f) -> vec4f { return exp(score(s) - lse); }
  fn pull_of(s: vec4f, w: vec4f, g: vec4f, lse: vec4f, mean: vec4f) -> vec4f { return w * (g - mean) * slope(s); }`,
};

/** `"sum"`: the factor of a row's sum, `1 / sqrt(number of visible keys)`, and 0. */
export const sumNumbers: RowNumbers = {
  compute: (host, pairs, weights) => sumRows(host, pairs, weights),
  wgsl: `
  fn weight_of(s: vec4f, share: vec4f) -> vec4f { return share * weight(score(s)); }
  fn pull_of(s: vec4f, w: vec4f, g: vec4f, share: vec4f, none: vec4f) -> vec4f { return share * g * slope(s); }`,
};

function softmaxRows<T>(host: Host<T>, { y, lse, dy, dlse }: Seeds<T>, dv: number): T {
  const rows = elementCount(host.shape(lse!));
  const stats = host.empty([2, rows]);
  const code = `
  @compute @workgroup_size(${THREADS})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let row = (group.x + group.y * groups.x) * ${THREADS}u + thread;
    if (row >= p.rows) { return; }
    var sum = -dlse_at(row);
    for (var c = 0u; c < p.dv; c++) { sum += dy_at(row * p.dv + c) * y_at(row * p.dv + c); }
    // -Infinity, where a row saw nothing: any number does, and WGSL may assume that there is no infinity.
    stats[row] = select(lse_at(row), 0.0, bitcast<u32>(lse_at(row)) == 0xff800000u);
    stats[p.rows + row] = sum;
  }`;
  dispatch(host, {
    ...{ name: "softmax statistics", code, inputs: { y, lse: lse!, dy, dlse: dlse! }, outputs: { stats } },
    sizes: { rows, dv },
    workgroups: grid(host, Math.ceil(rows / THREADS)),
  });
  return stats;
}

/** Counts the keys that each row sees, if the divisor depends on them. A workgroup counts for one row. */
function sumRows<T>(host: Host<T>, pairs: Pairs<T>, { name, over }: Weights): T {
  const { B, Hq, L } = pairs.dims;
  const { mask, keep } = pairs.tensors;
  const all = B * Hq * L;
  const stats = host.empty([2, all]);
  const counted: Pairs<T> = { ...pairs, tensors: { ...(mask && { mask }), ...(keep && { keep }) } };
  const shapes = shapesOf(counted);
  const { sizes } = sizesOf(host, counted);
  const code = remembered(["rows", shapes, over === undefined], () => sumRowsCode(shapes, over === undefined));
  dispatch(host, {
    ...{ name: `${name} statistics`, code, inputs: over === undefined ? counted.tensors : {}, outputs: { stats } },
    sizes: { ...sizes, all },
    floats: { over: over ?? 0 },
    workgroups: grid(host, all),
  });
  return stats;
}

const sumRowsCode = (shapes: Shapes, counts: boolean): string => `
  var<workgroup> parts: array<u32, ${THREADS}>;
  ${counts ? visibility(shapes) : ""}
  @compute @workgroup_size(${THREADS})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let at = group.x + group.y * groups.x;
    if (at >= p.all) { return; }
    ${
      counts
        ? `let row = row_of(at / p.rows, at % p.rows);
    var own = 0u;
    for (var j = row.first + thread; j < row.end; j += ${THREADS}u) { own += select(0u, 1u, sees(row, j)); }
    parts[thread] = own;
    workgroupBarrier();
    var seen = 0.0;
    for (var i = 0u; i < ${THREADS}u; i++) { seen += f32(parts[i]); }`
        : "let seen = p.over;"
    }
    if (thread == 0u) {
      stats[at] = inverseSqrt(${counts ? "max(seen, 1.0)" : "seen"});
      stats[p.all + at] = 0.0;
    }
  }`;
