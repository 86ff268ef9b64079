import { EMPTY } from "./form.ts";
import type { Monomials } from "./monomials.ts";
import { four, gather, main, tiles } from "./tile.ts";

/**
 * The text facts of one direction of a gradient. Each token has exponents or features `X [.., d]` and a vector `Y [.., w]`. An
 * "own" token sums over the "other" tokens that it is paired with: a query over keys for dq, a key over queries for dk and dv.
 */
export interface Direction {
  /** Pairs are weighted by `exp(X + X')` instead of `X X'`. */
  readonly rescaled: boolean;
  readonly causal: boolean;
  /** Own tokens are paired with others at the same or later positions instead of the same or earlier ones. */
  readonly reversed: boolean;
  /** Tokens read a state: false if one causal chunk holds all pairs. */
  readonly before: boolean;
  /** Pairs are weighted by a polynomial of `X . X'`, whose features are these, instead of `X X'`. */
  readonly monomials?: Monomials | undefined;
  /**
   * Own tokens are keys of which `keyMask` removes some. Without monomials that needs no mention: then an absent key has features 0.
   */
  readonly masked?: boolean;
  /**
   * WGSL `entry_of(x: f32, sum: f32, token: u32) -> f32`, an entry of the gradient of q or k: x is the entry of q or k, `sum`
   * the sum over others.
   */
  readonly entry: string;
}

/** Loads entry c of token `item` of sequence `seq`, for tensors of `own` and `other`. Beyond the ends it is `none`. */
export const load = (name: string, tensor: string, items: string, width: string, none: string): string => `
fn ${name}(seq: u32, item: u32, c: u32) -> f32 {
  let value = ${tensor}_at((seq * ${items} + min(item, ${items} - 1u)) * ${width} + min(c, ${width} - 1u));
  return select(${none}, value, item < ${items} && c < ${width});
}`;

/** WGSL `own_of` and `other_of`: tokens by their position. */
export const positions: string = `
/** The index of the token at a position, beyond the end if there is none. */
fn own_of(position: u32) -> u32 { return select(p.owns, position - p.ownAt, position >= p.ownAt && position - p.ownAt < p.owns); }
fn other_of(position: u32) -> u32 { return select(p.others, position - p.otherAt, position >= p.otherAt && position - p.otherAt < p.others); }`;

/** The entry of `X` of an absent token. */
export const emptyX = ({ rescaled }: Pick<Direction, "rescaled">): string => (rescaled ? EMPTY : "0.0");

/**
 * Sums of `phi(X) Y^T` over the other tokens of each chunk, `sums [heads, chunks, r, w]`, where `phi` are the features. If rescaled,
 * sums of `exp(X - top) Y^T`, and `tops [heads, chunks, r]`.
 */
export const totalsOf = (how: Direction): string => `
${tiles}
${positions}
${how.monomials?.wgsl ?? ""}
${load("other_x", "otherX", "p.others", "p.d", emptyX(how))}
${load("other_y", "otherY", "p.others", "p.w", "0.0")}
${how.monomials?.product("other") ?? ""}
${main()}
  let e0 = at % p.columnTiles * 64u; at /= p.columnTiles;
  let f0 = at % p.featureTiles * 64u; at /= p.featureTiles;
  let head = at / p.chunks;
  let start = at % p.chunks * p.chunk;
  let n = id / 16u;
  let t = id % 16u;
  ${
    how.rescaled
      ? `var top = vec4f(${EMPTY});
  for (var item = n; item < p.chunk * p.otherPer; item += 16u) {
    let seq = head * p.otherPer + item / p.chunk;
    let other = other_of(start + item % p.chunk);
    top = max(top, ${gather((f) => `other_x(seq, other, f0 + ${f})`)});
  }
  left[n * 17u + t] = top;
  workgroupBarrier();
  for (var i = 0u; i < 16u; i++) { top = max(top, left[i * 17u + t]); }
  if (n == 0u && e0 == 0u) {
    ${four((i) => `if (f0 + t + ${16 * i}u < p.r) { tops[at * p.r + f0 + t + ${16 * i}u] = top[${i}]; }`, 4)}
  }`
      : ""
  }
  ${how.monomials ? four((i) => `let m${i} = feature(f0 + t + ${16 * i}u);`) : ""}
  var total = array<vec4f, 4>();
  for (var item = 0u; item < p.chunk * p.otherPer; item += 16u) {
    let seq = head * p.otherPer + (item + n) / p.chunk;
    let other = other_of(start + (item + n) % p.chunk);
    let x = ${how.monomials ? `vec4f(${[0, 1, 2, 3].map((i) => `other_product(seq, other, m${i})`).join(", ")})` : gather((f) => `other_x(seq, other, f0 + ${f})`)};
    let y = ${gather((e) => `other_y(seq, other, e0 + ${e})`)};
    workgroupBarrier();
    left[n * 17u + t] = ${how.rescaled ? "exp(negative4(x - top))" : "x"};
    right[n * 17u + t] = y;
    workgroupBarrier();
    add_product(&total, n, t);
  }
  ${four(
    (i) => `if (f0 + n + ${16 * i}u < p.r) {
    let to = (at * p.r + f0 + n + ${16 * i}u) * p.w + e0 + t;
    ${four((j) => `if (e0 + t + ${16 * j}u < p.w) { sums[to + ${16 * j}u] = total[${i}][${j}]; }`, 4)}
  }`,
  )}
}`;

/**
 * Replaces the sums of each chunk by those of the chunks before it, or after it if reversed. If not causal, slot 0 gets the sums
 * of all chunks. `slotTops` are the exponents of the new sums.
 */
export const carryOf = ({ rescaled, causal, reversed }: Direction): string => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) id: u32) {
  let at = (group.x + group.y * groups.x) * 64u + id;
  if (at >= p.heads * p.r * p.w) { return; }
  let column = at % p.w;
  let f = at / p.w % p.r;
  let head = at / p.w / p.r;
  let size = p.r * p.w;
  let base = head * p.chunks * size + f * p.w + column;
  var sum = 0.0;
  ${rescaled ? `var top = ${EMPTY};` : ""}
  for (var n = 0u; n < p.chunks; n++) {
    let chunk = ${reversed ? "p.chunks - 1u - n" : "n"};
    let own = sums[base + chunk * size];
    ${causal ? `sums[base + chunk * size] = sum;` : ""}
    ${
      rescaled
        ? `let slot = (head * p.chunks + chunk) * p.r + f;
    ${causal ? "if (column == 0u) { slotTops[slot] = top; }" : ""}
    let next = max(top, tops[slot]);
    sum = sum * exp(top - next) + own * exp(tops[slot] - next);
    top = next;`
        : "sum += own;"
    }
  }
  ${causal ? "" : `sums[base] = sum; ${rescaled ? "if (column == 0u) { slotTops[head * p.chunks * p.r + f] = top; }" : ""}`}
}`;
