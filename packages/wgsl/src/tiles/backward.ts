import type { Tensors } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import { dispatch, grid } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { remembered, type Weights } from "./forward.ts";
import {
  CACHED,
  cacheLoader,
  loader,
  loaders,
  type Pairs,
  type Shapes,
  shapesOf,
  sizesOf,
  storer,
  vectorsOf,
  visibility,
} from "./pairs.ts";
import { lines, list, type Tile, tileCode } from "./tile.ts";

/** The outputs `y` and `lse` of the forward pass, and their gradients `dy` and `dlse`. */
export interface Seeds<T> {
  readonly y: T;
  readonly lse: T;
  readonly dy: T;
  readonly dlse: T;
}

/**
 * Computes the gradients of q, k and v. `pairs` must have no bias, and at most one of mask and keep: WebGPU cannot bind
 * more tensors.
 */
export type TileGradients = <T>(host: Host<T>, pairs: Pairs<T>, weights: Weights, seeds: Seeds<T>) => Tensors<T>;

/**
 * Computes the gradients of softmax tiles without bias. Weights are recomputed tile by tile (Dao 2023, arXiv
 * 2307.08691, algorithm 2): one pass over the keys for dq, one over the queries for dk and dv. It takes three
 * dispatches and O(L) memory.
 */
export const softmaxGradients: TileGradients = <T>(
  host: Host<T>,
  pairs: Pairs<T>,
  weights: Weights,
  seeds: Seeds<T>,
) => {
  const { dims, tensors, past } = pairs;
  const { B, Hq, Hkv, L, S, d, dv } = dims;
  const shapes = shapesOf(pairs);
  const { sizes, floats } = sizesOf(host, pairs);
  const tile: Tile = { rows: Math.max(d, dv) > 128 ? 2 : 4, rowGroups: 16, columnGroups: 8, slice: 16 };
  const { height } = tileCode(tile, Math.max(d, dv));
  const inputs = { ...tensors, dy: seeds.dy, stats: statistics(host, seeds, dv) };
  const outputs = {
    dq: host.empty(host.shape(tensors.q!)),
    dk: host.empty(host.shape(tensors.k!)),
    dv: host.empty(host.shape(tensors.v!)),
  };
  const vec4 = vectorsOf({ q: d, k: d, v: dv, dy: dv, dq: d, dk: d, dv });
  const run = (name: string, code: string, items: number, written: Tensors<T>) => {
    const blocks = Math.ceil(items / height);
    const tasks = B * Hkv * blocks;
    dispatch(host, {
      ...{ name: `${weights.name} ${name}`, code, inputs, outputs: written, vec4, stored: CACHED },
      sizes: { ...sizes, blocks, tasks },
      floats: { ...floats, ...weights.floats },
      workgroups: grid(host, tasks),
    });
  };
  const text = (name: string, make: () => string) => remembered([name, shapes, weights.wgsl, tile], make);
  run(
    "dq",
    text("dq", () => queries(shapes, weights, tile)),
    (Hq / Hkv) * L,
    { dq: outputs.dq },
  );
  run(
    "dk dv",
    text("dk dv", () => keys(shapes, weights, tile)),
    past + S,
    { dk: outputs.dk, dv: outputs.dv },
  );
  return { q: outputs.dq, k: outputs.dk, v: outputs.dv };
};

const THREADS = 64;

/**
 * Computes two numbers per row, `[2, rows]`: its lse, and `sum_c dy_c y_c - dlse`, which is subtracted from the
 * gradient of each weight.
 */
function statistics<T>(host: Host<T>, { y, lse, dy, dlse }: Seeds<T>, dv: number): T {
  const rows = elementCount(host.shape(lse));
  const stats = host.empty([2, rows]);
  const code = `
  @compute @workgroup_size(${THREADS})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let row = (group.x + group.y * groups.x) * ${THREADS}u + thread;
    if (row >= p.rows) { return; }
    var sum = -dlse[row];
    for (var c = 0u; c < p.dv; c++) { sum += dy[row * p.dv + c] * y[row * p.dv + c]; }
    // -Infinity, where a row saw nothing: any number does, and WGSL may assume that there is no infinity.
    stats[row] = select(lse[row], 0.0, bitcast<u32>(lse[row]) == 0xff800000u);
    stats[p.rows + row] = sum;
  }`;
  dispatch(host, {
    ...{ name: "softmax statistics", code, inputs: { y, lse, dy, dlse }, outputs: { stats } },
    sizes: { rows, dv },
    workgroups: grid(host, Math.ceil(rows / THREADS)),
  });
  return stats;
}

const vec4f = (of: (j: string) => string) => `vec4f(${Array.from("xyzw", (j) => of(j)).join(", ")})`;
const vec4b = (of: (j: string) => string) => `vec4<bool>(${Array.from("xyzw", (j) => of(j)).join(", ")})`;
const load = (name: string, from: string) => (item: string, c: string) => `${name}(head, ${from} + ${item}, ${c})`;

/** Returns the kernel for dq: a block of queries, over the tiles of keys that it sees. */
function queries(shapes: Shapes, { wgsl }: Weights, tile: Tile): string {
  const { d, dv } = shapes;
  const t = tileCode(tile, Math.max(d, dv));
  const n = t.vectors(d);
  const { each, row } = t;
  return `
  ${common(shapes, wgsl, t.declarations)}
  ${storer("store_dq", "dq", "p.rows", d)}
  ${loader("own_q", "q", "p.rows", d)}
  ${head(t.threads)}
    ${t.place}
    let up = block * ${t.height}u;
    let range = reach_of_block(up, min(up + ${t.height}u, p.rows));
    ${each(
      (i) => `let row_${i} = row_of(head, up + ${row(i)});
    let stat_${i} = stat_of(head, up + ${row(i)});
    ${lines(n, (m) => `var o_${i}_${m} = vec4f();`)}`,
    )}
    for (var left = range.x; left < range.y; left += ${t.width}u) {
      ${each((i) => `var s_${i} = vec4f(); var g_${i} = vec4f();`)}
      ${t.product("s", d, load("load_q", "up"), load("load_k", "left"))}
      ${t.product("g", dv, load("load_dy", "up"), load("load_v", "left"))}
      let j = left + ${t.columns};
      ${each(
        (i) => `let seen_${i} = ${vec4b((x) => `sees(row_${i}, j.${x})`)};
      let w_${i} = select(vec4f(), exp(score(s_${i}) - stat_${i}.x), seen_${i});
      ${t.put(i, `w_${i} * (g_${i} - stat_${i}.y) * slope(s_${i})`)}`,
      )}
      ${t.gather("o", d, load("load_k", "left"))}
    }
    ${each((i) => lines(n, (m) => store("dq", `up + ${row(i)}`, t.vector(m), `o_${i}_${m} * p.scale`, "own_q")))}
  }`;
}

/**
 * Returns the kernel for dk and dv: a block of keys, over the tiles of queries that see any of it. It processes all
 * query heads of the group.
 */
function keys(shapes: Shapes, { wgsl }: Weights, tile: Tile): string {
  const { d, dv } = shapes;
  const t = tileCode(tile, Math.max(d, dv));
  const { each, row } = t;
  return `
  ${common(shapes, wgsl, t.declarations)}
  ${storer("store_dk", "dk", "p.T", d)}
  ${storer("store_dv", "dv", "p.T", dv)}
  ${cacheLoader("own_k", "k", d)}
  ${head(t.threads)}
    ${t.place}
    let up = block * ${t.height}u;
    ${each((i) => `${lines(t.vectors(d), (m) => `var k_${i}_${m} = vec4f();`)} ${lines(t.vectors(dv), (m) => `var v_${i}_${m} = vec4f();`)}`)}
    for (var left = 0u; left < p.rows; left += ${t.width}u) {
      let range = reach_of_block(left, min(left + ${t.width}u, p.rows));
      if (range.y <= up || range.x >= up + ${t.height}u) { continue; }
      ${each((i) => `var s_${i} = vec4f(); var g_${i} = vec4f();`)}
      ${t.product("s", d, load("load_k", "up"), load("load_q", "left"))}
      ${t.product("g", dv, load("load_v", "up"), load("load_dy", "left"))}
      let r = left + ${t.columns};
      ${Array.from("xyzw", (x) => `let row_${x} = row_of(head, r.${x}); let stat_${x} = stat_of(head, r.${x});`).join("\n")}
      let lse = ${vec4f((x) => `stat_${x}.x`)};
      let mean = ${vec4f((x) => `stat_${x}.y`)};
      ${each(
        (i) => `let seen_${i} = ${vec4b((x) => `sees(row_${x}, up + ${row(i)})`)};
      let w_${i} = select(vec4f(), exp(score(s_${i}) - lse), seen_${i});
      ${t.put(i, `w_${i}`)}`,
      )}
      ${t.gather("v", dv, load("load_dy", "left"))}
      workgroupBarrier();
      ${each((i) => t.put(i, `w_${i} * (g_${i} - mean) * slope(s_${i})`))}
      ${t.gather("k", d, load("load_q", "left"))}
    }
    ${each(
      (i) => `${lines(t.vectors(d), (m) => store("dk", `up + ${row(i)}`, t.vector(m), `k_${i}_${m}`, "own_k"))}
    ${lines(t.vectors(dv), (m) => `store_dv(head, up + ${row(i)}, ${t.vector(m)}, v_${i}_${m});`)}`,
    )}
  }`;
}

/** Stores a gradient. Entries of q or k beyond `p.limit` were clamped, so their gradient is 0. */
const store = (to: string, item: string, c: string, x: string, own: string): string =>
  `store_${to}(head, ${item}, ${c}, select(vec4f(), ${x}, abs(${own}(head, ${item}, ${c})) <= vec4f(p.limit)));`;

const common = (shapes: Shapes, wgsl: string, declarations: string): string => `
  ${declarations}
  ${visibility(shapes)}
  ${loaders(shapes)}
  ${loader("load_dy", "dy", "p.rows", shapes.dv)}
  fn stat_of(head: u32, r: u32) -> vec2f {
    let at = head * p.rows + min(r, p.rows - 1u);
    return vec2f(${list(2, (n) => `stats[${n === 0 ? "" : "p.heads * p.rows + "}at]`)});
  }
  ${wgsl}`;

const head = (threads: number): string => `
  @compute @workgroup_size(${threads})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let task = group.x + group.y * groups.x;
    if (task >= p.tasks) { return; }
    let head = task % p.heads;
    let block = p.blocks - 1u - task / p.heads;`;
