import type { Tensors } from "@attnkit/core";
import { dispatch, grid } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { type RowNumbers, type Seeds, softmaxNumbers, sumNumbers } from "./backward-rows.ts";
import { remembered } from "./forward.ts";
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
import { lines, type Tile, tileCode } from "./tile.ts";
import type { Weights } from "./weights.ts";

/**
 * Computes the gradients of q, k and v. `pairs` must have no bias, and at most one of mask and keep: WebGPU cannot bind
 * more tensors.
 */
export type TileGradients = <T>(host: Host<T>, pairs: Pairs<T>, weights: Weights, seeds: Seeds<T>) => Tensors<T>;

/**
 * The gradients of tiles of kind `"softmax"`. Weights are recomputed tile by tile (Dao 2023, arXiv 2307.08691, algorithm 2): one
 * pass over the keys for dq, one over the queries for dk and dv. It takes three dispatches and O(L) memory.
 */
export const softmaxGradients: TileGradients = (host, pairs, weights, seeds) =>
  gradients(host, pairs, weights, seeds, softmaxNumbers);

/** The gradients of tiles of kind `"sum"`, in the same passes. */
export const sumGradients: TileGradients = (host, pairs, weights, seeds) =>
  gradients(host, pairs, weights, seeds, sumNumbers);

function gradients<T>(
  host: Host<T>,
  pairs: Pairs<T>,
  weights: Weights,
  seeds: Seeds<T>,
  numbers: RowNumbers,
): Tensors<T> {
  const { dims, tensors, past } = pairs;
  const { B, Hq, Hkv, L, S, d, dv } = dims;
  const shapes = shapesOf(pairs);
  const { sizes, floats } = sizesOf(host, pairs);
  const tile: Tile = { rows: Math.max(d, dv) > 128 ? 2 : 4, rowGroups: 16, columnGroups: 8, slice: 16 };
  const { height } = tileCode(tile, Math.max(d, dv));
  const inputs = { ...tensors, dy: seeds.dy, stats: numbers.compute(host, pairs, weights, seeds) };
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
  const text = (name: string, make: () => string) => remembered([name, shapes, weights.kind, weights.wgsl, tile], make);
  run(
    "dq",
    text("dq", () => queries(shapes, weights, numbers, tile)),
    (Hq / Hkv) * L,
    { dq: outputs.dq },
  );
  run(
    "dk dv",
    text("dk dv", () => keys(shapes, weights, numbers, tile)),
    past + S,
    { dk: outputs.dk, dv: outputs.dv },
  );
  return { q: outputs.dq, k: outputs.dk, v: outputs.dv };
}

const vec4f = (of: (j: string) => string) => `vec4f(${Array.from("xyzw", (j) => of(j)).join(", ")})`;
const vec4b = (of: (j: string) => string) => `vec4<bool>(${Array.from("xyzw", (j) => of(j)).join(", ")})`;
const load = (name: string, from: string) => (item: string, c: string) => `${name}(head, ${from} + ${item}, ${c})`;

/** Returns the kernel for dq: a block of queries, over the tiles of keys that it sees. */
function queries(shapes: Shapes, weights: Weights, numbers: RowNumbers, tile: Tile): string {
  const { d, dv } = shapes;
  const t = tileCode(tile, Math.max(d, dv));
  const n = t.vectors(d);
  const { each, row } = t;
  return `
  ${common(shapes, weights, numbers, t.declarations)}
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
      let w_${i} = select(vec4f(), weight_of(s_${i}, vec4f(stat_${i}.x)), seen_${i});
      ${t.put(i, `select(vec4f(), pull_of(s_${i}, w_${i}, g_${i}, vec4f(stat_${i}.x), vec4f(stat_${i}.y)), seen_${i})`)}`,
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
function keys(shapes: Shapes, weights: Weights, numbers: RowNumbers, tile: Tile): string {
  const { d, dv } = shapes;
  const t = tileCode(tile, Math.max(d, dv));
  const { each, row } = t;
  return `
  ${common(shapes, weights, numbers, t.declarations)}
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
      let first = ${vec4f((x) => `stat_${x}.x`)};
      let second = ${vec4f((x) => `stat_${x}.y`)};
      ${each(
        (i) => `let seen_${i} = ${vec4b((x) => `sees(row_${x}, up + ${row(i)})`)};
      let w_${i} = select(vec4f(), weight_of(s_${i}, first), seen_${i});
      ${t.put(i, `w_${i}`)}`,
      )}
      ${t.gather("v", dv, load("load_dy", "left"))}
      workgroupBarrier();
      ${each((i) => t.put(i, `select(vec4f(), pull_of(s_${i}, w_${i}, g_${i}, first, second), seen_${i})`))}
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

const common = (shapes: Shapes, weights: Weights, numbers: RowNumbers, declarations: string): string => `
  ${declarations}
  ${visibility(shapes)}
  ${loaders(shapes)}
  ${loader("load_dy", "dy", "p.rows", shapes.dv)}
  fn stat_of(head: u32, r: u32) -> vec2f {
    let at = head * p.rows + min(r, p.rows - 1u);
    return vec2f(stats[at], stats[p.heads * p.rows + at]);
  }
  ${numbers.wgsl}
  ${weights.wgsl}`;

const head = (threads: number): string => `
  @compute @workgroup_size(${threads})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let task = group.x + group.y * groups.x;
    if (task >= p.tasks) { return; }
    let head = task % p.heads;
    let block = p.blocks - 1u - task / p.heads;`;
