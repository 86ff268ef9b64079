import { type Facts, finish, helpers, type MatrixState, readKeys, readQueries, readValues } from "./form.ts";
import { largestExponents } from "./largest.ts";
import { four, gather, main, multiply, tiles } from "./tile.ts";

/**
 * Computes y and lse. A workgroup computes 64 rows x 64 columns: first `phi(q) A` with the state before the chunk, if
 * there is one, then
 * the chunk's own keys by tiles. Their weights stay in registers until they are the left factor of the product with v.
 * An invocation has the rows `row + 16 i` and the columns (or keys) `column + 16 j`.
 */
export const outputsCode = (form: MatrixState, facts: Facts): string => `
${tiles}
${helpers(form)}
${readQueries(form)}
${facts.causal ? readKeys(form, facts) + readValues(form) + positions(form) : ""}
${finish(form)}
${form.rescaled ? largestExponents(facts) : ""}
fn query_of(position: u32) -> u32 { return min(max(position, p.qAt) - p.qAt, p.L - 1u); }
${main()}
  let e0 = at % p.columnTiles * 64u; at /= p.columnTiles;
  let start = (p.firstTile + at % p.rowTiles) * 64u; // position of the tile's first row
  let rows = at / p.rowTiles * p.L; // where the rows of this head start
  let head = at / p.rowTiles / p.G;
  let chunk = ${facts.causal ? "start / p.chunk" : "0u"};
  let state = (head * p.slots + chunk) * p.r;
  let row = id / 16u;
  let column = id % 16u;
  ${four((i) => `let at${i} = (rows + query_of(start + row + ${16 * i}u)) * p.d;`)}
  ${form.rescaled ? `largest_exponents(head, rows, state, start, id);\n  let top = ${gather((t) => `tops[${t}]`, "row")};` : ""}
  var sums = array<vec4f, 4>();
  var divisor = vec4f(); // this invocation's share
  ${facts.before ? earlierChunks(form) : ""}
  ${facts.causal ? ownChunk(form) : ""}
  ${form.divisor === "none" ? "let n = vec4f();" : wholeDivisor}
  ${form.divisor === "count" && facts.before ? "n += before_at(state * p.w + p.dv);" : ""}
  ${four(
    (i) => `let at_row${i} = start + row + ${16 * i}u;
  if (at_row${i} >= p.qAt && at_row${i} < p.qAt + p.L) {
    let to = rows + query_of(at_row${i});
    ${four((j) => `if (e0 + column + ${16 * j}u < p.dv) { y_put(to * p.dv + e0 + column + ${16 * j}u, output(sums[${i}][${j}], n[${i}])); }`, 4)}
    ${facts.lse ? `if (e0 + column == 0u) { lse_put(to, normaliser(n[${i}], ${form.rescaled ? `top[${i}]` : "0.0"})); }` : ""}
  }`,
  )}
}`;

const earlierChunks = (form: MatrixState) => `
  for (var f0 = 0u; f0 < p.r; f0 += 16u) {
    let f = min(f0 + column, p.r - 1u);
    let x = ${ofRows((at) => `q_feature(${at}, f)`)};
    let y = ${form.rescaled ? "exp(negative4(x + before_at((state + f) * p.w + p.w - 1u) - top))" : "x"};
    let feature = select(vec4f(), y, f0 + column < p.r);
    let base = (state + min(f0 + row, p.r - 1u)) * p.w;
    let values = ${gather((e) => `before_at(base + min(e0 + ${e}, p.w - 1u))`, "column")};
    ${form.divisor === "weights" ? "divisor += feature * before_at((state + f) * p.w + p.dv);" : ""}
    ${multiply("feature", "values", "add_product(&sums, row, column);")}
  }`;

const ofRows = (x: (at: string) => string) => `vec4f(${[0, 1, 2, 3].map((i) => x(`at${i}`)).join(", ")})`;

/** WGSL functions of positions on the common axis of queries and keys. */
const positions = ({ weight = "x", rescaled }: MatrixState) => `
fn key_of(position: u32) -> u32 { return min(max(position, p.kAt) - p.kAt, p.S - 1u); }
fn is_key(head: u32, position: u32) -> bool {
  return position >= p.kAt && position < p.kAt + p.S && present(head, key_of(position));
}
fn weight(x: vec4f) -> vec4f { return ${weight}; }
${rescaled ? addExponentials : ""}`;

/** The weights if rescaled. Rows are given as `q - top`, so exponents of visible keys are at most 0. */
const addExponentials = `
fn add_exponentials(sums: ptr<function, array<vec4f, 4>>, row: u32, column: u32) {
  for (var n = 0u; n < 16u; n++) {
    let x = left[n * 17u + row];
    let y = right[n * 17u + column];
    ${four((i) => `(*sums)[${i}] += exp(negative4(x[${i}] + y));`, 4)}
  }
}`;

const ownChunk = (form: MatrixState) => `
  for (var k0 = chunk * p.chunk; k0 <= start; k0 += 64u) {
    ${four((j) => `let key${j} = (head * p.S + key_of(k0 + row + ${16 * j}u)) * p.d;`, 4)}
    var w = array<vec4f, 4>();
    for (var c0 = 0u; c0 < p.d; c0 += 16u) {
      let c = min(c0 + column, p.d - 1u);
      let x = ${ofRows((at) => `q_channel(${at}, c)`)}${form.rescaled ? " - top" : ""};
      let keys = vec4f(${[0, 1, 2, 3].map((j) => `k_channel(key${j}, c)`).join(", ")});
    ${multiply(`select(vec4f(${form.rescaled ? "-1e30" : ""}), x, c0 + column < p.d)`, "keys", `${form.rescaled ? "add_exponentials" : "add_product"}(&w, row, column);`, true)}
    }
    let at_keys = vec4u(k0 + column) + vec4u(0u, 16u, 32u, 48u);
    let are_keys = vec4<bool>(${[0, 1, 2, 3].map((j) => `is_key(head, at_keys[${j}])`).join(", ")});
    ${four((i) => visible(form, i), 4)}
    // Sixteen keys at a time: their weights, in turn the first of each four, become the left factor.
    for (var s = 0u; s < 64u; s += 16u) {
      let at_key = k0 + s + row;
      let base = (head * p.S + key_of(at_key)) * p.dv;
      let values = ${gather((e) => `value(base + min(e0 + ${e}, p.dv - 1u))`, "column")};
      let known = select(vec4f(), values, is_key(head, at_key));
    ${multiply("vec4f(w[0].x, w[1].x, w[2].x, w[3].x)", "known", "add_product(&sums, row, column);")}
      ${four((i) => `w[${i}] = w[${i}].yzwx;`, 6)}
    }
  }`;

const visible = ({ divisor }: MatrixState, i: number) => `{
      let visible = are_keys & (at_keys <= vec4u(start + row + ${16 * i}u));
      w[${i}] = select(vec4f(), weight(w[${i}]), visible);
      ${{ weights: `divisor[${i}] += dot(w[${i}], vec4f(1.0));`, count: `divisor[${i}] += dot(select(vec4f(), vec4f(1.0), visible), vec4f(1.0));`, none: "" }[divisor]}
    }`;

const wholeDivisor = `workgroupBarrier();
  left[column * 17u + row] = divisor;
  workgroupBarrier();
  var n = vec4f();
  for (var i = 0u; i < 16u; i++) { n += left[i * 17u + row]; }`;
