import type { Shape, Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import { dispatch, grid } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { combine } from "./combine.ts";
import { CACHED, loaders, type Pairs, type Shapes, shapesOf, sizesOf, storer, vectorsOf, visibility } from "./pairs.ts";
import { lines, type Tile, tileCode } from "./tile.ts";

/** Maps scores to weights, and weighted sums to outputs. */
export interface Weights {
  readonly name: string;
  /**
   * `"softmax"`: weights exp(score), divided by their sum. `"sum"`: `weight(score)`, divided by the square root of
   * `over` or of the number of visible keys.
   */
  readonly kind: "softmax" | "sum";
  /**
   * WGSL `fn score(s: vec4f) -> vec4f`, applied before the bias. `"softmax"` also needs its derivative `slope`. `"sum"`
   * also needs `weight`, the weight of a score. All have the same type.
   */
  readonly wgsl: string;
  readonly over?: number | undefined;
  /** Parameters that `wgsl` reads as fields of `p`. */
  readonly floats?: Readonly<Record<string, number>>;
}

export interface Attend<T> extends Pairs<T> {
  readonly weights: Weights;
  readonly lse: boolean;
  readonly tile: Tile;
  /** The number of parts that the keys are split into. Each part is processed by its own workgroup. */
  readonly splits: number;
}

/** Computes `y`, and `lse` if asked for, in one pass over the keys, tile by tile, without a matrix of scores. */
export function attend<T>(host: Host<T>, how: Attend<T>): Tensors<T> {
  const { dims, tensors, weights, tile, splits, lse } = how;
  const { B, Hkv, d, dv, L, Hq } = dims;
  const lead = host.shape(tensors.q!).slice(0, -1);
  const shapes = shapesOf(how);
  const { sizes, floats } = sizesOf(host, how);
  const { height } = tileCode(tile, dv);
  const blocks = Math.ceil(((Hq / Hkv) * L) / height);
  const tasks = B * Hkv * blocks * splits;
  const [parted, withLse] = [splits > 1, lse || splits > 1];
  const outputs = {
    y: host.empty(parted ? [splits, ...lead, dv] : [...lead, dv]),
    ...(withLse && { lse: host.empty(parted ? [splits, ...lead] : (lead as Shape)) }),
  };
  dispatch(host, {
    ...{ name: weights.name, code: forward(shapes, weights, tile, withLse, parted), inputs: tensors, outputs },
    vec4: vectorsOf({ q: d, k: d, v: dv, y: dv }),
    stored: CACHED,
    sizes: { ...sizes, blocks, tasks, splits },
    floats: {
      ...{ ...floats, ...weights.floats, none: Number.NEGATIVE_INFINITY },
      over: weights.over ?? 0,
    },
    workgroups: grid(host, tasks),
  });
  return parted ? combine(host, outputs as Tensors<T>, { splits, lse, dv }) : outputs;
}

/** The lowest finite float32: the maximum of a row that has not seen a key yet. */
const LOWEST_BITS = "bitcast<f32>(0xff7fffffu)";

/** Texts of kernels. They belong to no device and to no caller, so one memory serves the whole module. */
const texts = new Remembered<string, string>(256);

/** Returns the text of a kernel. It is generated once per key. */
export const remembered = (key: readonly unknown[], make: () => string): string => texts.get(JSON.stringify(key), make);

function forward(shapes: Shapes, weights: Weights, tile: Tile, lse: boolean, parted: boolean): string {
  const key = ["forward", shapes, weights.kind, weights.wgsl, weights.over === undefined, tile, lse, parted];
  return remembered(key, () => generate(shapes, weights, tile, lse, parted));
}

function generate(shapes: Shapes, { kind, wgsl, over }: Weights, tile: Tile, lse: boolean, parted: boolean): string {
  const { d, dv, bias } = shapes;
  const t = tileCode(tile, dv);
  const { each, row } = t;
  const n = t.vectors(dv);
  const softmax = kind === "softmax";
  const four = (of: (j: string) => string) => Array.from("xyzw", (j) => of(`j.${j}`)).join(", ");
  const online = `
      ${each((i) => `var top_${i} = max(max(s_${i}.x, s_${i}.y), max(s_${i}.z, s_${i}.w));`)}
      ${t.reduce("top", "top", (a, b) => `max(${a}, ${b})`)}
      // The sums so far are relative to the maximum so far.
      ${each(
        (i) => `top_${i} = max(top_${i}, m_${i});
      let fade_${i} = exp(max(m_${i} - top_${i}, -1000.0));
      let w_${i} = select(vec4f(), exp(s_${i} - top_${i}), seen_${i});
      m_${i} = top_${i};
      l_${i} = l_${i} * fade_${i} + dot(w_${i}, vec4f(1.0));
      ${lines(n, (m) => `o_${i}_${m} *= fade_${i};`)}`,
      )}`;
  const sum = each(
    (i) => `let w_${i} = select(vec4f(), weight(s_${i}), seen_${i});
      l_${i} += dot(select(vec4f(), vec4f(1.0), seen_${i}), vec4f(1.0));`,
  );
  const divided = (i: number) => {
    if (softmax) return `let part_${i} = select(0.0, 1.0 / l_${i}, l_${i} != 0.0);`;
    return `let part_${i} = inverseSqrt(${over === undefined ? `max(l_${i}, 1.0)` : "p.over"});`;
  };
  return `
  ${t.declarations}
  ${visibility(shapes)}
  ${loaders(shapes)}
  ${storer("store_y", "y", "p.rows", dv)}
  ${wgsl}

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
    ${each((i) => `${softmax ? `var m_${i} = ${LOWEST_BITS}; ` : ""}var l_${i} = 0.0; ${lines(n, (m) => `var o_${i}_${m} = vec4f();`)}`)}

    for (var left = start; left < end; left += ${t.width}u) {
      ${each((i) => `var s_${i} = vec4f();`)}
      ${t.product(
        "s",
        d,
        (item, c) => `load_q(head, up + ${item}, ${c})`,
        (item, c) => `load_k(head, left + ${item}, ${c})`,
      )}
      let j = left + ${t.columns};
      ${each(
        (
          i,
        ) => `let seen_${i} = vec4<bool>(${four((j) => `sees(row_${i}, ${j})`)})${parted ? " & (j < vec4u(end))" : ""};
      s_${i} = score(s_${i});
      ${bias ? `s_${i} += vec4f(${four((j) => `bias_of(row_${i}, ${j})`)});` : ""}
      s_${i} = select(vec4f(${softmax ? LOWEST_BITS : "0.0"}), s_${i}, seen_${i});`,
      )}
      ${softmax ? online : sum}
      ${each((i) => t.put(i, `w_${i}`))}
      ${t.gather("o", dv, (item, c) => `load_v(head, left + ${item}, ${c})`)}
    }

    workgroupBarrier();
    ${each((i) => `let own_${i} = l_${i}; l_${i} = 0.0;`)}
    ${t.reduce("l", "own", (a, b) => `${a} + ${b}`)}
    ${each(
      (i) => `{
      let r = up + ${row(i)};
      ${divided(i)}
      ${lines(n, (m) => `store_y(out, r, ${t.vector(m)}, o_${i}_${m} * part_${i});`)}
      ${lse ? `if (across == 0u && r < p.rows) { lse[out * p.rows + r] = select(p.none, m_${i} + logarithm(l_${i}), l_${i} != 0.0); }` : ""}
    }`,
    )}
  }`;
}
