import type { Causal, Shape, Tensors } from "@attnkit/core";
import type { Dims, Window } from "@attnkit/core/program";
import type { Dispatch } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { storedStrides } from "../stored.ts";

/**
 * Queries and all the keys that they may read, past keys first. Names are those of `Block`, ranks are as the caller
 * gave them.
 */
export interface Pairs<T> {
  /**
   * `q k v`, and `mask bias keep ownMask` if given: `k [B, Hkv, T, d]`, `v [B, Hkv, T, dv]`, `keep [B, T]`, with T = P + S.
   * `ownMask [B, S]` is a key mask that is not applied yet. The last S keys may then hold any values, and the last S entries
   * of keep are undefined.
   */
  readonly tensors: Tensors<T>;
  readonly dims: Dims;
  /** P, the number of past keys. */
  readonly past: number;
  readonly causal: Causal;
  /** Distances to the left and right, integers or Infinity (SEMANTICS S7). */
  readonly window: Window;
  /** q and k are clamped to `-limit..limit`. q is then multiplied by `scale`. */
  readonly limit: number;
  readonly scale: number;
}

/** The properties of `Pairs` that change the text of a kernel. */
export interface Shapes {
  readonly d: number;
  readonly dv: number;
  readonly causal: boolean;
  readonly left: boolean;
  readonly right: boolean;
  readonly mask: boolean;
  readonly bias: boolean;
  readonly keep: boolean;
  readonly ownMask: boolean;
}

export const shapesOf = <T>({ tensors, dims: { d, dv }, causal, window: [left, right] }: Pairs<T>): Shapes => ({
  ...{ d, dv, causal: causal !== false, left: Number.isFinite(left), right: Number.isFinite(right) },
  ...{ mask: tensors.mask !== undefined, bias: tensors.bias !== undefined },
  ...{ keep: tensors.keep !== undefined, ownMask: tensors.ownMask !== undefined },
});

/**
 * Returns the parameters of a kernel. The rows of a key head are those of its query heads, one after the other, so that
 * they share every key that is read. Row r is query `r % L` of query head `r / L` of the group.
 */
export function sizesOf<T>(host: Host<T>, pairs: Pairs<T>): Pick<Dispatch<T>, "sizes" | "floats"> {
  const { dims, past, causal, window, tensors, limit, scale } = pairs;
  const { B, Hq, Hkv, L, S } = dims;
  const [groups, T] = [Hq / Hkv, past + S];
  const first = past + (causal === "end" ? S - L : 0);
  const near = (distance: number) => Math.min(distance, 2 ** 30); // no buffer holds so many keys
  const broadcast = Object.fromEntries(
    (["mask", "bias"] as const).flatMap((name) => {
      const x = tensors[name];
      return x !== undefined ? stridesOf(host.shape(x)).map((n, axis) => [`${name}_${"bhlt"[axis]}`, n]) : [];
    }),
  );
  return {
    sizes: {
      ...{ L, T, past, first, groups, heads: B * Hkv, perBatch: Hkv, rows: groups * L },
      ...{ left: near(window[0]), right: near(window[1]), ...broadcast, ...cacheStrides(host, tensors) },
    },
    floats: { limit, scale },
  };
}

/** The tensors of `Pairs` that kernels bind as they are stored. */
export const CACHED: readonly string[] = ["k", "v", "keep"];

/** Returns the strides of k and v in rows of channels, and those of keep. They differ where a cache grows in place. */
function cacheStrides<T>(host: Host<T>, tensors: Tensors<T>): Record<string, number> {
  const of = (x: T) => storedStrides(host, x);
  const rows = (["k", "v"] as const).flatMap((name) => {
    const x = tensors[name];
    if (x === undefined) return [];
    const [, head, item] = of(x).map((n) => n / host.shape(x)[3]!);
    return [
      [`${name}_head`, head!],
      [`${name}_item`, item!],
    ];
  });
  const [batch, item] = tensors.keep === undefined ? [] : of(tensors.keep);
  return { ...Object.fromEntries(rows), ...(batch !== undefined && { keep_batch: batch, keep_item: item! }) };
}

/** Returns the strides along B, Hq, L and T. They are 0 where the tensor is broadcast. */
function stridesOf(shape: Shape): number[] {
  let step = 1;
  const strides = shape.toReversed().map((n) => {
    const own = n === 1 ? 0 : step;
    step *= n;
    return own;
  });
  return [...strides, 0, 0, 0].slice(0, 4).reverse();
}

/**
 * WGSL `Row`, `row_of(head, r)`, `sees(row, j)` and `reach(i)`, which returns the keys that a query may see by position
 * (SEMANTICS S3-S7).
 */
export const visibility = ({ causal, left, right, mask, bias, keep, ownMask }: Shapes): string => `
  /** Row r may see keys first..end - 1, less masked ones. */
  struct Row { first: u32, end: u32, ${mask ? "mask: u32, " : ""}${bias ? "bias: u32, " : ""}${keep ? "keep: u32, " : ""}${ownMask ? "own: u32, " : ""} }

  fn reach(i: u32) -> vec2u {
    let position = i32(i + p.first);
    var range = vec2i(0, i32(p.T));
    ${causal ? "range.y = min(range.y, max(position + 1, i32(p.past)));" : ""}
    ${right ? "range.y = clamp(position + i32(p.right) + 1, 0, range.y);" : ""}
    ${left ? "range.x = max(position - i32(p.left), 0);" : ""}
    return vec2u(range);
  }

  /** The keys that rows r..s - 1 may see. */
  fn reach_of_block(r: u32, s: u32) -> vec2u {
    let whole = r / p.L == (s - 1u) / p.L; // of one query head
    return vec2u(reach(select(0u, r % p.L, whole)).x, reach(select(p.L - 1u, (s - 1u) % p.L, whole)).y);
  }

  fn row_of(head: u32, r: u32) -> Row {
    let i = r % p.L;
    let range = select(vec2u(), reach(i), r < p.rows);
    let batch = head / p.perBatch;
    let query_head = head % p.perBatch * p.groups + r / p.L;
    return Row(range.x, range.y, ${["mask", "bias"]
      .filter((name) => (name === "mask" ? mask : bias))
      .map((name) => `batch * p.${name}_b + query_head * p.${name}_h + i * p.${name}_l, `)
      .join("")}${keep ? "batch * p.keep_batch, " : ""}${ownMask ? "batch * (p.T - p.past)," : ""});
  }

  /** No branches: all is evaluated, so j is clamped. */
  fn sees(row: Row, j: u32) -> bool {
    let key = min(j, p.T - 1u);
    return ${[
      "(j >= row.first) & (j < row.end)",
      ...(mask ? ["mask_true(row.mask + key * p.mask_t)"] : []),
      ...(keep ? [`(keep_true(row.keep + key * p.keep_item)${ownMask ? " | (key >= p.past)" : ""})`] : []),
      ...(ownMask ? ["((key < p.past) | ownMask_true(row.own + max(key, p.past) - p.past))"] : []),
      // -Infinity is detected by its bits, because WGSL may assume that there are no infinities.
      ...(bias ? ["(bitcast<u32>(bias_at(row.bias + key * p.bias_t)) != 0xff800000u)"] : []),
    ].join(" & ")};
  }
  ${
    bias
      ? `
  fn bias_of(row: Row, j: u32) -> f32 { return bias_at(row.bias + min(j, p.T - 1u) * p.bias_t); }`
      : ""
  }`;

/**
 * Returns WGSL `name(head, item, c)`: four channels, from `4 c`, of a row of `[heads, items, channels]`. Beyond its
 * ends it is 0.
 * @param row WGSL of the index of the row among all rows, over `head` and `item`. Default: row-major.
 */
export function loader(
  name: string,
  tensor: string,
  items: string,
  channels: number,
  map = "x",
  row = `head * ${items} + item`,
): string {
  const quad = channels / 4;
  const read = Number.isInteger(quad)
    ? `if (c >= ${quad}u) { return vec4f(); }
       let x = ${tensor}_at4((${row}) * ${quad}u + c);`
    : `let at = (${row}) * ${channels}u + 4u * c;
       var x = vec4f();
       ${[0, 1, 2, 3].map((n) => `if (4u * c + ${n}u < ${channels}u) { x[${n}] = ${tensor}_at(at + ${n}u); }`).join(" ")}`;
  return `
  fn ${name}(head: u32, item: u32, c: u32) -> vec4f {
    if (item >= ${items}) { return vec4f(); }
    ${read}
    return ${map};
  }`;
}

/** Returns the `loader` of k or v, which may be stored in a cache that grows in place. */
export const cacheLoader = (name: string, tensor: "k" | "v", channels: number, map = "x"): string =>
  loader(name, tensor, "p.T", channels, map, rowOf(tensor, "item"));

/** WGSL of the index of a row of k or v in its buffer, over `head` and the index of a key. */
export const rowOf = (tensor: "k" | "v", key: string): string =>
  `head * p.${tensor}_head + (${key}) * p.${tensor}_item`;

/** WGSL that is true for a key that `ownMask` removes, over `head` and `item`. */
const REMOVED = "item >= p.past && !ownMask_true(head / p.perBatch * (p.T - p.past) + item - p.past)";

/** Returns WGSL `name(head, item, c, x)`, which writes the entry that the function of `loader` reads. */
export function storer(name: string, tensor: string, items: string, channels: number): string {
  const quad = channels / 4;
  const write = Number.isInteger(quad)
    ? `if (c < ${quad}u) { ${tensor}_put4((head * ${items} + item) * ${quad}u + c, x); }`
    : `let at = (head * ${items} + item) * ${channels}u + 4u * c;
       ${[0, 1, 2, 3].map((n) => `if (4u * c + ${n}u < ${channels}u) { ${tensor}_put(at + ${n}u, x[${n}]); }`).join(" ")}`;
  return `
  fn ${name}(head: u32, item: u32, c: u32, x: vec4f) {
    if (item >= ${items}) { return; }
    ${write}
  }`;
}

/** Returns the names of the tensors that `loader` reads as vectors of four. */
export const vectorsOf = (channels: Readonly<Record<string, number>>): string[] =>
  Object.keys(channels).filter((name) => channels[name]! % 4 === 0);

/**
 * Returns WGSL `load_q`, `load_k`, `load_v`, which read clamped and scaled vectors. Keys and values that `ownMask` removes are
 * read as 0, because they may be NaN.
 */
export function loaders({ d, dv, ownMask }: Shapes): string {
  const present = (x: string) => (ownMask ? `select(${x}, vec4f(), ${REMOVED})` : x);
  return [
    loader("load_q", "q", "p.rows", d, "limited4(x, p.limit) * p.scale"),
    cacheLoader("load_k", "k", d, present("limited4(x, p.limit)")),
    cacheLoader("load_v", "v", dv, present("x")),
  ].join("");
}
