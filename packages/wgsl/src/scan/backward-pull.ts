import { type Direction, emptyX, load, positions } from "./backward-code.ts";
import { begin, loadOthers, loadState, ofRows, ownChunk, products } from "./backward-pairs.ts";
import { four, gather, multiply, tiles } from "./tile.ts";

/**
 * Computes the gradient of q or k: `sum over others of E_c (Y . Y')`, where `E_c = X'_c`, `exp(X_c + X'_c)` if rescaled, or
 * `P'(X . X') X'_c` of a polynomial P.
 */
export const pullOf = (how: Direction): string => `
${tiles}
${positions}
${how.before && !how.monomials ? loadState : ""}
${how.monomials ? how.monomials.wgsl + how.monomials.product("own") : ""}
${how.rescaled || how.monomials ? load("own_x", "ownX", "p.owns", "p.d", emptyX(how)) : ""}
${load("own_y", "ownY", "p.owns", "p.w", "0.0")}
${loadOthers(how)}
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
${begin(how, "channelTiles")}
  ${how.before ? (how.monomials ? pullMonomials : pullChannels) : ""}
  ${how.rescaled ? rescaleOwn : ""}
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

const pullChannels = `
  for (var e0 = 0u; e0 < p.w; e0 += 16u) {
    let y = ${ofRows((own) => `own_y(own, ${own}, e0 + column)`)};
    let values = ${gather((f) => `state_of(slot * p.r * p.w, c0 + ${f}, e0 + row)`, "column")};
    ${multiply("y", "values", "add_product(&total, row, column);")}
  }`;

/** The state has a row per feature of P. Its depth here are pairs of a feature of P' and a column. */
const pullMonomials = `
  for (var t0 = 0u; t0 < p.slopes * p.w; t0 += 16u) {
    let t = min(t0 + column, p.slopes * p.w - 1u);
    let m = slope_feature(t / p.w);
    let e = t % p.w;
    let factor = select(0.0, m.factor, t0 + column < p.slopes * p.w);
    let x = factor * ${ofRows((own) => `own_product(own, ${own}, m) * own_y(own, ${own}, e)`)};
    let values = ${gather((c) => `sums[(slot * p.r + times(m, min(c0 + ${c}, p.d - 1u))) * p.w + e]`, "row")};
    ${multiply("x", "values", "add_product(&total, row, column);", true)}
  }`;

const rescaleOwn = `
  var x_own = array<vec4f, 4>();
  let top = ${gather((f) => `slotTops[slot * p.d + min(c0 + ${f}, p.d - 1u)]`, "column")};
  ${four((i) => `x_own[${i}] = ${gather((f) => `own_x(own, own${i}, c0 + ${f})`, "column")};`)}
  ${four((i) => `total[${i}] *= exp(negative4(x_own[${i}] + top));`)}`;

const slopes = `
      var scores = array<vec4f, 4>();
      ${products("x", "scores")}
      ${four((i) => `w[${i}] *= slope(scores[${i}]);`, 6)}`;

const pullOwnChunk = (how: Direction) =>
  ownChunk(
    how,
    products("y", "w") + (how.monomials ? slopes : ""),
    gather((f) => `other_x(seq, other, c0 + ${f})`, "column"),
    how.rescaled ? "add_scaled(&total, &x_own, row, column);" : "add_product(&total, row, column);",
  );
