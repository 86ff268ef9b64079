import { type Direction, emptyX, load, positions } from "./backward-code.ts";
import { EMPTY } from "./form.ts";
import { four, gather, main, tiles } from "./tile.ts";

const loadState = `
fn state_of(base: u32, f: u32, e: u32) -> f32 {
  let value = sums[base + min(f, p.d - 1u) * p.w + min(e, p.w - 1u)];
  return select(0.0, value, f < p.d && e < p.w);
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
      found[entry] = entry_of(given_at(entry), total[${i}][${j}], to);
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
