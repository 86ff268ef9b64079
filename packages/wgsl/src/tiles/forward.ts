import type { Shape, Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import { dispatch, grid } from "../dispatch.ts";
import { gpuFacts } from "../gpu-facts.ts";
import type { Host } from "../host.ts";
import { combine } from "./combine.ts";
import { CACHED, loaders, type Pairs, shapesOf, sizesOf, storer, vectorsOf, visibility } from "./pairs.ts";
import { lines, type Tile, tileCode } from "./tile.ts";
import { rowsOfWalk, type Text, type Walk, walkCode } from "./walk.ts";
import { sumsOf, type Weights } from "./weights.ts";

export interface Attend<T> extends Pairs<T> {
  readonly weights: Weights;
  readonly lse: boolean;
  readonly way: Tile | Walk;
  /** The number of parts that the keys are split into. Each part is processed by its own workgroup. */
  readonly splits: number;
}

/**
 * Computes `y`, and `lse` if asked for, in one pass over the keys, without a matrix of scores. It takes one dispatch, or two
 * if the keys are split. y has the storage of results. If `tensors` have an `ownMask`, the keys must be split, and the second
 * dispatch applies it to the cache.
 */
export function attend<T>(host: Host<T>, how: Attend<T>): Tensors<T> {
  const { dims, tensors, weights, way, splits, lse } = how;
  const { B, Hkv, d, dv, L, Hq } = dims;
  const lead = host.shape(tensors.q!).slice(0, -1);
  const { sizes, floats } = sizesOf(host, how);
  const rows = (Hq / Hkv) * L;
  const parted = splits > 1;
  const subgroup = gpuFacts(host.device).subgroups ?? 1;
  const text: Text = { shapes: shapesOf(how), weights, lse: lse || parted, parted, subgroup };
  const blocks = "lanes" in way ? 1 : Math.ceil(rows / tileCode(way, dv).height);
  const tasks = B * Hkv * blocks * splits;
  const outputs = {
    y: parted ? host.empty([splits, ...lead, dv]) : host.empty([...lead, dv], host.results),
    ...(text.lse && { lse: host.empty(parted ? [splits, ...lead] : (lead as Shape)) }),
  };
  dispatch(host, {
    ...{ name: weights.name, code: forward(text, way, rows), inputs: tensors, outputs },
    enables: subgroup > 1 ? ["subgroups"] : [],
    vec4: vectorsOf({ q: d, k: d, v: dv, y: dv }),
    stored: CACHED,
    sizes: { ...sizes, blocks, tasks, splits },
    floats: { ...floats, ...weights.floats, none: Number.NEGATIVE_INFINITY, over: weights.over ?? 0 },
    workgroups: grid(host, tasks),
  });
  if (!parted) return outputs;
  const masked = tensors.ownMask === undefined ? undefined : how;
  return combine(host, outputs as Tensors<T>, { splits, lse, dv, weights, masked });
}

/** Texts of kernels. They belong to no device and to no caller, so one memory serves the whole module. */
const texts = new Remembered<string, string>(256);

/** Returns the text of a kernel. It is generated once per key. */
export const remembered = (key: readonly unknown[], make: () => string): string => texts.get(JSON.stringify(key), make);

function forward(text: Text, way: Tile | Walk, rows: number): string {
  const { name: _, floats, over, ...weights } = text.weights;
  const few = "lanes" in way ? rowsOfWalk(rows) : 0;
  const key = ["forward", { ...text, weights }, over === undefined, way, few];
  return remembered(key, () => ("lanes" in way ? walkCode(text, way, few) : blockCode(text, way)));
}

/** Generates the kernel of a tile: each workgroup computes a block of rows, and walks over the tiles of its keys. */
function blockCode({ shapes, weights, lse, parted, subgroup }: Text, tile: Tile): string {
  const { d, dv } = shapes;
  const t = tileCode(tile, dv, subgroup);
  const { each, row } = t;
  const n = t.vectors(dv);
  const sums = sumsOf(weights, shapes, n, parted);
  return `
  ${t.declarations}
  ${visibility(shapes)}
  ${loaders(shapes)}
  ${storer("store_y", "y", "p.rows", dv)}
  ${weights.wgsl}

  @compute @workgroup_size(${t.threads})
  fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
    let task = group.x + group.y * groups.x;
    if (task >= p.tasks) { return; }
    ${t.place}
    let head = task % p.heads;
    // The last rows see most: they start first.
    let block = p.blocks - 1u - task / p.heads % p.blocks;
    let split = task / p.heads / p.blocks;
    let out = split * p.heads + head;
    let up = block * ${t.height}u;
    let range = reach_of_block(up, min(up + ${t.height}u, p.rows));
    ${
      parted
        ? `let share = (max(range.y, range.x) - range.x + p.splits - 1u) / p.splits;
    let start = range.x + split * share;
    let end = min(range.y, start + share);`
        : "let start = range.x; let end = range.y;"
    }
    ${each((i) => `let row_${i} = row_of(head, up + ${row(i)});`)}
    ${each((i) => sums.start(i))}

    for (var left = start; left < end; left += ${t.width}u) {
      ${each((i) => `var s_${i} = vec4f();`)}
      ${t.product(
        "s",
        d,
        (item, c) => `load_q(head, up + ${item}, ${c})`,
        (item, c) => `load_k(head, left + ${item}, ${c})`,
      )}
      let j = left + ${t.columns};
      ${each((i) => sums.score(i, parted ? "end" : undefined) + sums.top(i))}
      ${weights.kind === "softmax" ? t.reduce("top", "top", (a, b) => `max(${a}, ${b})`) : ""}
      ${each((i) => sums.add(i) + t.put(i, `w_${i}`))}
      ${t.gather("o", dv, (item, c) => `load_v(head, left + ${item}, ${c})`)}
    }

    workgroupBarrier();
    ${each((i) => `let own_${i} = l_${i};`)}
    ${t.reduce("l", "own", (a, b) => `${a} + ${b}`)}
    ${each(
      (i) => `{
      let r = up + ${row(i)};
      let part_${i} = ${sums.factor(i)};
      ${lines(n, (m) => `store_y(out, r, ${t.vector(m)}, o_${i}_${m} * part_${i});`)}
      ${lse ? `if (across == 0u && r < p.rows) { lse_put(out * p.rows + r, ${sums.beside(i)}); }` : ""}
    }`,
    )}
  }`;
}
