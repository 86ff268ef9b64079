import { EMPTY, type Facts, finish, helpers, type MatrixState, readKeys, readQueries, readValues } from "./form.ts";
import { four, main } from "./tile.ts";

/**
 * Computes one token: the new matrix, which is written if the state is kept, and the output row that reads it. A workgroup computes 16 columns with 16
 * invocations each, which share the features. Query heads of one key head are processed four at a time. If `split`,
 * values per feature come from `freshCode`, because one kernel would need more buffers than every device can bind.
 */
export const decodeCode = (form: MatrixState, facts: Facts, split: boolean): string => `
var<workgroup> parts: array<vec4f, 256>;
${helpers(form)}
${split ? "fn fresh_of(head: u32, f: u32) -> vec4f { return fresh_at4(head * p.r + f); }" : freshOf(form, facts)}
${readQueries(form)}
${readValues(form)}
${finish(form)}
${reduce("total", (a, b) => `${a} + ${b}`)}
${form.rescaled ? reduce("largest", (a, b) => `max(${a}, ${b})`) : ""}
${main()}
  let lane = id / 16u;
  let column = id % 16u;
  let tiles = (p.dv + 15u) / 16u;
  let head = at / tiles;
  let e = at % tiles * 16u + column;
  let v_e = value(head * p.dv + min(e, p.dv - 1u));
  for (var g = 0u; g < p.G; g += 4u) {
    ${four((i) => `let at${i} = (head * p.G + min(g + ${i}u, p.G - 1u)) * p.d;`, 4)}
    ${form.rescaled ? largestOf : ""}
    var share = vec4f();
    var divisor = vec4f();
    for (var f = lane; f < p.r; f += 16u) {
      let fresh = fresh_of(head, f);
      let entry = (head * p.r + f) * p.dv + min(e, p.dv - 1u);
      // Selected, so that v of an absent key is never read into a sum.
      let sum = select(0.0, fresh.x * v_e, fresh.x != 0.0)${facts.state ? " + state_sums_at(entry) * fresh.y" : ""};
      ${facts.keeps ? "if (g == 0u && e < p.dv) { next_sums_put(entry, sum); }" : ""}
      ${split || !facts.keeps || form.divisor === "none" ? "" : "if (g == 0u && e == 0u) { keep_fresh(head, f, fresh); }"}
      let x = ${ofGroup((a) => `q_feature(${a}, f)`)};
      let feature = ${form.rescaled ? "exp(negative4(x + fresh.w - top))" : "x"};
      share += feature * sum;
      ${form.divisor === "weights" ? "divisor += feature * fresh.z;" : ""}
    }
    let sums = total(share, lane, column);
    let n = ${{ weights: "total(divisor, lane, column)", count: "vec4f(fresh_of(head, 0u).z)", none: "vec4f()" }[form.divisor]};
    if (lane < 4u && g + lane < p.G) {
      let to = head * p.G + g + lane;
      if (e < p.dv) { y_put(to * p.dv + e, output(sums[lane], n[lane])); }
      ${facts.lse ? `if (e == 0u) { lse_put(to, normaliser(n[lane], ${form.rescaled ? "top[lane]" : "0.0"})); }` : ""}
    }
  }
}`;

/**
 * Computes the values of a token that depend on the feature only: `fresh [B Hkv, r]`, the divisor's entries and the
 * largest keys.
 */
export const freshCode = (form: MatrixState, facts: Facts): string => `
${helpers(form)}
${freshOf(form, facts)}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) id: u32) {
  let at = (group.x + group.y * groups.x) * 64u + id;
  if (at >= p.heads * p.r) { return; }
  let taken = fresh_of(at / p.r, at % p.r);
  fresh_put4(at, taken);
  ${facts.keeps && form.divisor !== "none" ? "keep_fresh(at / p.r, at % p.r, taken);" : ""}
}`;

/**
 * Returns `(x, y, z, w)`: the key's feature, the factor of the past, the new entry of the divisor, the new largest key.
 */
const freshOf = (form: MatrixState, facts: Facts) => `
${readKeys(form, facts)}
fn fresh_of(head: u32, f: u32) -> vec4f {
  let here = present(head, 0u);
  let x = k_feature(head * p.d, f);
  ${form.rescaled ? rescaled(facts) : "let key = select(0.0, x, here);\n  let past = 1.0;\n  let top = 0.0;"}
  ${{ weights: `let n = key${facts.state ? " + state_divisor_at(head * p.r + f) * past" : ""};`, count: `let n = select(0.0, 1.0, here)${facts.state ? " + state_divisor_at(head / p.Hkv)" : ""};`, none: "let n = 0.0;" }[form.divisor]}
  return vec4f(key, past, n, top);
}
${facts.keeps && form.divisor !== "none" ? keepFresh(form) : ""}`;

const rescaled = ({ state }: Facts) => `let own = select(${EMPTY}, x, here);
  let before = ${state ? "state_top_at(head * p.r + f)" : EMPTY};
  let top = max(before, own);
  let key = select(0.0, exp(own - top), here);
  let past = exp(before - top);`;

const keepFresh = ({ divisor, rescaled }: MatrixState) => `
fn keep_fresh(head: u32, f: u32, fresh: vec4f) {
  ${divisor === "weights" ? "next_divisor_put(head * p.r + f, fresh.z);" : "if (f == 0u && head % p.Hkv == 0u) { next_divisor_put(head / p.Hkv, fresh.z); }"}
  ${rescaled ? "next_top_put(head * p.r + f, fresh.w);" : ""}
}`;

/** Computes the largest exponent of each of four query heads. */
const largestOf = `
    var most = vec4f(${EMPTY});
    for (var f = lane; f < p.r; f += 16u) { most = max(most, ${ofGroup((a) => `q_feature(${a}, f)`)} + fresh_of(head, f).w); }
    let top = largest(most, lane, column);`;

function ofGroup(x: (at: string) => string): string {
  return `vec4f(${[0, 1, 2, 3].map((i) => x(`at${i}`)).join(", ")})`;
}

/** Returns WGSL that reduces over the 16 invocations of a column. */
function reduce(name: string, both: (a: string, b: string) => string): string {
  return `
fn ${name}(own: vec4f, lane: u32, column: u32) -> vec4f {
  workgroupBarrier();
  parts[lane * 16u + column] = own;
  workgroupBarrier();
  var all = parts[column];
  for (var i = 1u; i < 16u; i++) { all = ${both("all", "parts[i * 16u + column]")}; }
  return all;
}`;
}
