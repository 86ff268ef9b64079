import { EMPTY, type Facts, helpers, type MatrixState, readKeys, readValues } from "./form.ts";
import { four, gather, main, tiles } from "./tile.ts";

/**
 * Computes sums over the keys of each chunk, `totals [B Hkv, chunks, r, w]`. A workgroup computes 64 features x 64
 * columns. The divisor's column sums features, or counts keys. If rescaled, the last column is the largest key.
 */
export const totalsCode = (form: MatrixState, facts: Facts): string => `
${tiles}
${helpers(form)}
${readKeys(form, facts)}
${readValues(form)}
${form.rescaled ? largestKeys : ""}
${main()}
  let e0 = at % p.columnTiles * 64u; at /= p.columnTiles;
  let f0 = at % p.featureTiles * 64u; at /= p.featureTiles;
  let head = at / p.chunks;
  let start = at % p.chunks * p.chunk;
  let first = max(start, p.kAt) - p.kAt;
  let end = min(max(start + p.chunk, p.kAt) - p.kAt, p.S);
  let n = id / 16u; // depth in a tile, then row of the result
  let t = id % 16u;
  ${form.rescaled ? "let top = largest_keys(head, first, end, f0, n, t);" : ""}
  var sums = array<vec4f, 4>();
  var divisor = vec4f();
  for (var key = first; key < end; key += 16u) {
    let base = head * p.S + min(key + n, end - 1u);
    let here = key + n < end && present(head, base - head * p.S);
    let x = ${gather((f) => `k_feature(base * p.d, min(f0 + ${f}, p.r - 1u))`)};
    let feature = select(vec4f(), ${form.rescaled ? "exp(negative4(x - top))" : "x"}, here);
    let values = ${gather((e) => `value(base * p.dv + min(e0 + ${e}, p.dv - 1u))`)};
    ${{ weights: "divisor += feature;", count: "divisor += select(0.0, 1.0, here);", none: "" }[form.divisor]}
    workgroupBarrier();
    left[n * 17u + t] = feature;
    right[n * 17u + t] = select(vec4f(), values, here);
    workgroupBarrier();
    add_product(&sums, n, t);
  }
  ${four(
    (i) => `if (f0 + n + ${16 * i}u < p.r) {
    let row = (at * p.r + f0 + n + ${16 * i}u) * p.w;
    ${four((j) => `if (e0 + t + ${16 * j}u < p.dv) { totals_put(row + e0 + t + ${16 * j}u, sums[${i}][${j}]); }`, 4)}
  }`,
  )}
  ${form.divisor === "none" ? "" : divisorColumn}
  ${form.rescaled ? lastColumn("p.w - 1u", "top") : ""}
}`;

/** Writes one column of `totals`: four features t per invocation, added up over the depths n. */
const lastColumn = (column: string, x: string) => `
  if (e0 == 0u && n == 0u) {
    ${four((i) => `if (f0 + t + ${16 * i}u < p.r) { totals_put((at * p.r + f0 + t + ${16 * i}u) * p.w + ${column}, ${x}[${i}]); }`, 4)}
  }`;

const divisorColumn = `
  workgroupBarrier();
  left[n * 17u + t] = divisor;
  workgroupBarrier();
  var total = vec4f();
  for (var i = 0u; i < 16u; i++) { total += left[i * 17u + t]; }
  ${lastColumn("p.dv", "total")}`;

/** Returns the largest keys of features t over the keys from `first` to `end`. */
const largestKeys = `
fn largest_keys(head: u32, first: u32, end: u32, f0: u32, n: u32, t: u32) -> vec4f {
  var top = vec4f(${EMPTY});
  for (var key = first + n; key < end; key += 16u) {
    let base = (head * p.S + key) * p.d;
    if (present(head, key)) { top = max(top, ${gather((f) => `k_channel(base, min(f0 + ${f}, p.d - 1u))`)}); }
  }
  left[n * 17u + t] = top;
  workgroupBarrier();
  for (var i = 0u; i < 16u; i++) { top = max(top, left[i * 17u + t]); }
  return top;
}`;
