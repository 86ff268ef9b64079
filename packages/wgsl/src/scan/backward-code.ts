import { EMPTY } from "./form.ts";
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
  /**
   * WGSL `entry_of(x: f32, sum: f32, token: u32) -> f32`, an entry of the gradient of q or k: x is the entry of q or k, `sum`
   * the sum over others.
   */
  readonly entry: string;
}

/** Loads entry c of token `item` of sequence `seq`, for tensors of `own` and `other`. Beyond the ends it is `none`. */
const load = (name: string, tensor: string, items: string, width: string, none: string) => `
fn ${name}(seq: u32, item: u32, c: u32) -> f32 {
  let value = ${tensor}[(seq * ${items} + min(item, ${items} - 1u)) * ${width} + min(c, ${width} - 1u)];
  return select(${none}, value, item < ${items} && c < ${width});
}`;

const positions = `
/** The index of the token at a position, beyond the end if there is none. */
fn own_of(position: u32) -> u32 { return select(p.owns, position - p.ownAt, position >= p.ownAt && position - p.ownAt < p.owns); }
fn other_of(position: u32) -> u32 { return select(p.others, position - p.otherAt, position >= p.otherAt && position - p.otherAt < p.others); }`;

const loadState = `
fn state_of(base: u32, f: u32, e: u32) -> f32 {
  let value = sums[base + min(f, p.d - 1u) * p.w + min(e, p.w - 1u)];
  return select(0.0, value, f < p.d && e < p.w);
}`;

const emptyX = ({ rescaled }: Pick<Direction, "rescaled">) => (rescaled ? EMPTY : "0.0");

/**
 * Sums of `X Y^T` over the other tokens of each chunk, `sums [heads, chunks, d, w]`. If rescaled, sums of `exp(X - top) Y^T`, and
 * `tops [heads, chunks, d]`.
 */
export const totalsOf = (how: Direction): string => `
${tiles}
${positions}
${load("other_x", "otherX", "p.others", "p.d", emptyX(how))}
${load("other_y", "otherY", "p.others", "p.w", "0.0")}
${main()}
  let e0 = at % p.columnTiles * 64u; at /= p.columnTiles;
  let f0 = at % p.featureTiles * 64u; at /= p.featureTiles;
  let head = at / p.chunks;
  let start = at % p.chunks * 64u;
  let n = id / 16u;
  let t = id % 16u;
  ${
    how.rescaled
      ? `var top = vec4f(${EMPTY});
  for (var item = n; item < 64u * p.otherPer; item += 16u) {
    let seq = head * p.otherPer + item / 64u;
    let other = other_of(start + item % 64u);
    top = max(top, ${gather((f) => `other_x(seq, other, f0 + ${f})`)});
  }
  left[n * 17u + t] = top;
  workgroupBarrier();
  for (var i = 0u; i < 16u; i++) { top = max(top, left[i * 17u + t]); }
  if (n == 0u && e0 == 0u) {
    ${four((i) => `if (f0 + t + ${16 * i}u < p.d) { tops[at * p.d + f0 + t + ${16 * i}u] = top[${i}]; }`, 4)}
  }`
      : ""
  }
  var total = array<vec4f, 4>();
  for (var item = 0u; item < 64u * p.otherPer; item += 16u) {
    let seq = head * p.otherPer + (item + n) / 64u;
    let other = other_of(start + (item + n) % 64u);
    let x = ${gather((f) => `other_x(seq, other, f0 + ${f})`)};
    let y = ${gather((e) => `other_y(seq, other, e0 + ${e})`)};
    workgroupBarrier();
    left[n * 17u + t] = ${how.rescaled ? "exp(negative4(x - top))" : "x"};
    right[n * 17u + t] = y;
    workgroupBarrier();
    add_product(&total, n, t);
  }
  ${four(
    (i) => `if (f0 + n + ${16 * i}u < p.d) {
    let to = (at * p.d + f0 + n + ${16 * i}u) * p.w + e0 + t;
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
  if (at >= p.heads * p.d * p.w) { return; }
  let column = at % p.w;
  let f = at / p.w % p.d;
  let head = at / p.w / p.d;
  let size = p.d * p.w;
  let base = head * p.chunks * size + f * p.w + column;
  var sum = 0.0;
  ${rescaled ? `var top = ${EMPTY};` : ""}
  for (var n = 0u; n < p.chunks; n++) {
    let chunk = ${reversed ? "p.chunks - 1u - n" : "n"};
    let own = sums[base + chunk * size];
    ${causal ? `sums[base + chunk * size] = sum;` : ""}
    ${
      rescaled
        ? `let slot = (head * p.chunks + chunk) * p.d + f;
    ${causal ? "if (column == 0u) { slotTops[slot] = top; }" : ""}
    let next = max(top, tops[slot]);
    sum = sum * exp(top - next) + own * exp(tops[slot] - next);
    top = next;`
        : "sum += own;"
    }
  }
  ${causal ? "" : `sums[base] = sum; ${rescaled ? "if (column == 0u) { slotTops[head * p.chunks * p.d + f] = top; }" : ""}`}
}`;

/** The head of a kernel for 64 own tokens and 64 columns. */
const begin = ({ causal }: Direction, columnTiles: string) => `
${main()}
  let c0 = at % p.${columnTiles} * 64u; at /= p.${columnTiles};
  let tile = p.firstTile + at % p.ownTiles;
  let own = at / p.ownTiles; // the sequence
  let head = own / p.ownPer;
  let start = tile * 64u;
  let slot = head * p.chunks + ${causal ? "tile" : "0u"};
  let row = id / 16u;
  let column = id % 16u;
  var total = array<vec4f, 4>();
  ${four((i) => `let own${i} = own_of(start + row + ${16 * i}u);`)}`;

const ofRows = (x: (own: string) => string) => `vec4f(${[0, 1, 2, 3].map((i) => x(`own${i}`)).join(", ")})`;
const ofOthers = (x: (other: string) => string, from: string) =>
  `vec4f(${[0, 1, 2, 3].map((j) => x(`other_of(start + ${from} + ${16 * j}u)`)).join(", ")})`;

/** Clears the weights of pairs that are not seen. Absent tokens have `Y = 0` and add nothing. */
const maskPairs = ({ reversed }: Direction) =>
  four(
    (i) =>
      `w[${i}] = select(vec4f(), w[${i}], (vec4u(column) + vec4u(0u, 16u, 32u, 48u)) ${reversed ? ">=" : "<="} vec4u(row + ${16 * i}u));`,
    4,
  );

/** Adds `w . others` to the total: sixteen others at a time, in turn the first of each four. */
const addPairs = (right: string, add: string) => `
    for (var s = 0u; s < 64u; s += 16u) {
      let other = other_of(start + s + row);
      let values = ${right};
      workgroupBarrier();
      left[column * 17u + row] = vec4f(w[0].x, w[1].x, w[2].x, w[3].x);
      right[row * 17u + column] = values;
      workgroupBarrier();
      ${add}
      ${four((i) => `w[${i}] = w[${i}].yzwx;`, 6)}
    }`;

/** Computes the gradient of q or k: `sum over others of E_f (Y . Y')`, where `E_f = X'_f`, or `exp(X_f + X'_f)` if rescaled. */
export const pullOf = (how: Direction): string => `
${tiles}
${positions}
${loadState}
${how.rescaled ? load("own_x", "ownX", "p.owns", "p.d", EMPTY) : ""}
${load("own_y", "ownY", "p.owns", "p.w", "0.0")}
${
  how.causal
    ? load("other_x", "otherX", "p.others", "p.d", emptyX(how)) + load("other_y", "otherY", "p.others", "p.w", "0.0")
    : ""
}
${
  how.rescaled && how.causal
    ? `fn add_scaled(total: ptr<function, array<vec4f, 4>>, own: ptr<function, array<vec4f, 4>>, row: u32, column: u32) {
  for (var n = 0u; n < 16u; n++) {
    let x = left[n * 17u + row];
    let y = right[n * 17u + column];
    ${four((i) => `(*total)[${i}] += x[${i}] * exp(negative4((*own)[${i}] + y));`, 4)}
  }
}`
    : ""
}
${how.entry}
${begin(how, "featureTiles")}
  for (var e0 = 0u; e0 < p.w; e0 += 16u) {
    let y = ${ofRows((own) => `own_y(own, ${own}, e0 + column)`)};
    let values = ${gather((f) => `state_of(slot * p.d * p.w, c0 + ${f}, e0 + row)`, "column")};
    workgroupBarrier();
    left[column * 17u + row] = y;
    right[row * 17u + column] = values;
    workgroupBarrier();
    add_product(&total, row, column);
  }
  ${
    how.rescaled
      ? `var x_own = array<vec4f, 4>();
  let top = ${gather((f) => `slotTops[slot * p.d + min(c0 + ${f}, p.d - 1u)]`, "column")};
  ${four((i) => `x_own[${i}] = ${gather((f) => `own_x(own, own${i}, c0 + ${f})`, "column")};`)}
  ${four((i) => `total[${i}] *= exp(negative4(x_own[${i}] + top));`)}`
      : ""
  }
  ${how.causal ? pullOwnChunk(how) : ""}
  ${four(
    (i) => `if (own${i} < p.owns) {
    let to = own * p.owns + own${i};
    ${four(
      (j) => `if (c0 + column + ${16 * j}u < p.d) {
      let entry = to * p.d + c0 + column + ${16 * j}u;
      found[entry] = entry_of(given[entry], total[${i}][${j}], to);
    }`,
      4,
    )}
  }`,
  )}
}`;

const pullOwnChunk = (how: Direction) => `
  for (var g = 0u; g < p.otherPer; g++) {
    let seq = head * p.otherPer + g;
    var w = array<vec4f, 4>();
    for (var e0 = 0u; e0 < p.w; e0 += 16u) {
      let y = ${ofRows((own) => `own_y(own, ${own}, e0 + column)`)};
      let others = ${ofOthers((other) => `other_y(seq, ${other}, e0 + column)`, "row")};
      workgroupBarrier();
      left[column * 17u + row] = y;
      right[column * 17u + row] = others;
      workgroupBarrier();
      add_product(&w, row, column);
    }
    ${maskPairs(how)}
    ${addPairs(
      gather((f) => `other_x(seq, other, c0 + ${f})`, "column"),
      how.rescaled ? "add_scaled(&total, &x_own, row, column);" : "add_product(&total, row, column);",
    )}
  }`;

/** Computes the gradient of v: `sum over others of (sum_f E_f) Y'`, where `E_f = X_f X'_f`, or `exp(X_f + X'_f)` if rescaled. */
export const weighOf = (how: Direction): string => `
${tiles}
${positions}
${loadState}
${load("own_x", "ownX", "p.owns", "p.d", emptyX(how))}
${
  how.causal
    ? load("other_x", "otherX", "p.others", "p.d", emptyX(how)) + load("other_y", "otherY", "p.others", "p.w", "0.0")
    : ""
}
${
  how.rescaled && how.causal
    ? `fn add_exponentials(total: ptr<function, array<vec4f, 4>>, row: u32, column: u32) {
  for (var n = 0u; n < 16u; n++) {
    let x = left[n * 17u + row];
    let y = right[n * 17u + column];
    ${four((i) => `(*total)[${i}] += exp(negative4(x[${i}] + y));`, 4)}
  }
}`
    : ""
}
${begin(how, "columnTiles")}
  for (var f0 = 0u; f0 < p.d; f0 += 16u) {
    ${how.rescaled ? "let top = slotTops[slot * p.d + min(f0 + column, p.d - 1u)];" : ""}
    let x = ${ofRows((own) => `own_x(own, ${own}, f0 + column)`)};
    let values = ${gather((e) => `state_of(slot * p.d * p.w, f0 + row, c0 + ${e})`, "column")};
    workgroupBarrier();
    left[column * 17u + row] = ${how.rescaled ? "exp(negative4(x + top))" : "x"};
    right[row * 17u + column] = values;
    workgroupBarrier();
    add_product(&total, row, column);
  }
  ${how.causal ? weighOwnChunk(how) : ""}
  ${four(
    (i) => `if (own${i} < p.owns) {
    let to = (own * p.owns + own${i}) * p.dv + c0 + column;
    ${four((j) => `if (c0 + column + ${16 * j}u < p.dv) { found[to + ${16 * j}u] = total[${i}][${j}]; }`, 4)}
  }`,
  )}
}`;

const weighOwnChunk = (how: Direction) => `
  for (var g = 0u; g < p.otherPer; g++) {
    let seq = head * p.otherPer + g;
    var w = array<vec4f, 4>();
    for (var f0 = 0u; f0 < p.d; f0 += 16u) {
      let x = ${ofRows((own) => `own_x(own, ${own}, f0 + column)`)};
      let others = ${ofOthers((other) => `other_x(seq, ${other}, f0 + column)`, "row")};
      workgroupBarrier();
      left[column * 17u + row] = x;
      right[column * 17u + row] = others;
      workgroupBarrier();
      ${how.rescaled ? "add_exponentials" : "add_product"}(&w, row, column);
    }
    ${maskPairs(how)}
    ${addPairs(
      gather((e) => `other_y(seq, other, c0 + ${e})`, "column"),
      "add_product(&total, row, column);",
    )}
  }`;
