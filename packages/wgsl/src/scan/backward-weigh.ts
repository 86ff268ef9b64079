import { type Direction, emptyX, load, positions } from "./backward-code.ts";
import { begin, loadOthers, loadState, ofRows, ownChunk, products } from "./backward-pairs.ts";
import { four, gather, multiply, tiles } from "./tile.ts";

/**
 * Computes the gradient of v: `sum over others of w Y'`, where the weight w is `X . X'`, `sum_c exp(X_c + X'_c)` if rescaled, or
 * `P(X . X')` of a polynomial P.
 */
export const weighOf = (how: Direction): string => `
${tiles}
${positions}
${how.before ? loadState : ""}
${how.monomials ? how.monomials.wgsl + how.monomials.product("own") : ""}
${load("own_x", "ownX", "p.owns", "p.d", emptyX(how))}
${loadOthers(how)}
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
${begin(how, "valueTiles")}
  ${how.before ? weighState(how) : ""}
  ${how.causal ? weighOwnChunk(how) : ""}
  ${four(
    (i) => `if (own${i} < p.owns) {
    let to = (own * p.owns + own${i}) * p.dv + c0 + column;
    ${four((j) => `if (c0 + column + ${16 * j}u < p.dv) { found[to + ${16 * j}u] = ${how.masked ? `select(0.0, total[${i}][${j}], keyMask_true(own / p.Hkv * p.owns + own${i}))` : `total[${i}][${j}]`}; }`, 4)}
  }`,
  )}
}`;

const weighState = ({ rescaled, monomials }: Direction) => `
  for (var f0 = 0u; f0 < p.r; f0 += 16u) {
    ${rescaled ? "let top = slotTops[slot * p.r + min(f0 + column, p.r - 1u)];" : ""}
    ${monomials ? "let m = feature(f0 + column);" : ""}
    let x = ${ofRows((own) => (monomials ? `m.factor * own_product(own, ${own}, m)` : `own_x(own, ${own}, f0 + column)`))};
    let values = ${gather((e) => `state_of(slot * p.r * p.w, f0 + row, c0 + ${e})`, "column")};
    ${multiply(rescaled ? "exp(negative4(x + top))" : "x", "values", "add_product(&total, row, column);")}
  }`;

const weighOwnChunk = (how: Direction) =>
  ownChunk(
    how,
    products("x", "w", how.rescaled ? "add_exponentials" : "add_product") +
      (how.monomials ? four((i) => `w[${i}] = weight(w[${i}]);`, 6) : ""),
    gather((e) => `other_y(seq, other, c0 + ${e})`, "column"),
    "add_product(&total, row, column);",
  );
