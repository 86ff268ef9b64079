import { EMPTY, type Facts, type MatrixState } from "./form.ts";

/** The number of chunks whose totals an invocation reads at once, to wait for memory once. */
const AHEAD = 8;

/**
 * Computes the state before each chunk, `before [B Hkv, slots, r, w]`, and the state after the last if it is kept. Each
 * invocation computes one entry of a state and loops over the chunks. If all rows see all keys, the only slot holds the
 * last state.
 */
export const carryCode = (form: MatrixState, facts: Facts): string => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) id: u32) {
  let at = (group.x + group.y * groups.x) * 64u + id;
  if (at >= p.heads * p.r * p.w) { return; }
  let column = at % p.w;
  let row = at / p.w; // of B Hkv r
  let f = row % p.r;
  let head = row / p.r;
  let size = p.r * p.w;
  let base = head * p.chunks * size + f * p.w + column;
  let to = head * p.slots * size + f * p.w + column;
  ${facts.state ? given(form) : `var sum = 0.0;${form.rescaled ? `\n  var top = ${EMPTY};` : ""}`}
  ${facts.sums ? addTotals(form, facts) : ""}
  ${facts.causal && facts.keeps ? "" : `before_put(to + (p.slots - 1u) * size, ${entry(form)});`}
  ${facts.keeps ? written(form) : ""}
}`;

const addTotals = (form: MatrixState, facts: Facts) => `
  for (var first = 0u; first < p.chunks; first += ${AHEAD}u) {
    ${ahead((i) => `let chunk${i} = min(first + ${i}u, p.chunks - 1u) * size;`)}
    ${ahead((i) => `let total${i} = totals_at(base + chunk${i});`)}
    ${form.rescaled ? ahead((i) => `let top${i} = totals_at(base - column + p.w - 1u + chunk${i});`) : ""}
    ${ahead(
      (i) => `if (first + ${i}u < p.chunks) {
      ${facts.causal ? `before_put(to + chunk${i}, ${entry(form)});` : ""}
      ${form.rescaled ? rescaled(i) : `sum += total${i};`}
    }`,
    )}
  }`;

const ahead = (line: (i: number) => string) => Array.from({ length: AHEAD }, (_, i) => line(i)).join("\n    ");

/** In a row, the last column is the exponent by which the other columns are scaled. */
const entry = ({ rescaled }: MatrixState) => (rescaled ? "select(sum, top, column == p.w - 1u)" : "sum");

const rescaled = (i: number) => `let next = max(top, top${i});
      sum = sum * exp(top - next) + total${i} * exp(top${i} - next);
      top = next;`;

/**
 * Reads the state that the call was given. For polynomial attention, the divisor is one count per batch entry, which
 * every row repeats.
 */
const given = ({ divisor, rescaled }: MatrixState) => `
  var sum = 0.0;
  if (column < p.dv) { sum = state_sums_at(row * p.dv + column); }
  ${divisor === "none" ? "" : `if (column == p.dv) { sum = state_divisor_at(${divisor === "count" ? "head / p.Hkv" : "row"}); }`}
  ${rescaled ? "var top = state_top_at(row);" : ""}`;

const written = ({ divisor, rescaled }: MatrixState) => `
  if (column < p.dv) { next_sums_put(row * p.dv + column, sum); }
  ${divisor === "weights" ? "if (column == p.dv) { next_divisor_put(row, sum); }" : ""}
  ${divisor === "count" ? "if (column == p.dv && f == 0u && head % p.Hkv == 0u) { next_divisor_put(head / p.Hkv, sum); }" : ""}
  ${rescaled ? "if (column == p.w - 1u) { next_top_put(row, top); }" : ""}`;
