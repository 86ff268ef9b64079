import { EMPTY, type Facts, type MatrixState } from "./form.ts";

/** Chunks whose totals an invocation asks for at once, so that it waits for memory once. */
const AHEAD = 8;

/**
 * The state before each chunk, `before [B Hkv, slots, r, w]`, and the one after the last: every entry of a state is one
 * invocation that walks over the chunks. Where all rows see all keys, the only slot holds the last state.
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
  for (var first = 0u; first < p.chunks; first += ${AHEAD}u) {
    ${ahead((i) => `let chunk${i} = min(first + ${i}u, p.chunks - 1u) * size;`)}
    ${ahead((i) => `let total${i} = totals[base + chunk${i}];`)}
    ${form.rescaled ? ahead((i) => `let top${i} = totals[base - column + p.w - 1u + chunk${i}];`) : ""}
    ${ahead(
      (i) => `if (first + ${i}u < p.chunks) {
      ${facts.causal ? `before[to + chunk${i}] = ${entry(form)};` : ""}
      ${form.rescaled ? rescaled(i) : `sum += total${i};`}
    }`,
    )}
  }
  ${facts.causal ? "" : `before[to] = ${entry(form)};`}
  ${written(form)}
}`;

const ahead = (line: (i: number) => string) => Array.from({ length: AHEAD }, (_, i) => line(i)).join("\n    ");

/** A row's last column is its exponent; the others are scaled by it. */
const entry = ({ rescaled }: MatrixState) => (rescaled ? "select(sum, top, column == p.w - 1u)" : "sum");

const rescaled = (i: number) => `let next = max(top, top${i});
      sum = sum * exp(top - next) + total${i} * exp(top${i} - next);
      top = next;`;

/** What the call brought. The count of polynomial attention is one per batch entry; every row carries it. */
const given = ({ divisor, rescaled }: MatrixState) => `
  var sum = 0.0;
  if (column < p.dv) { sum = state_sums[row * p.dv + column]; }
  ${divisor === "none" ? "" : `if (column == p.dv) { sum = state_divisor[${divisor === "count" ? "head / p.Hkv" : "row"}]; }`}
  ${rescaled ? "var top = state_top[row];" : ""}`;

const written = ({ divisor, rescaled }: MatrixState) => `
  if (column < p.dv) { next_sums[row * p.dv + column] = sum; }
  ${divisor === "weights" ? "if (column == p.dv) { next_divisor[row] = sum; }" : ""}
  ${divisor === "count" ? "if (column == p.dv && f == 0u && head % p.Hkv == 0u) { next_divisor[head / p.Hkv] = sum; }" : ""}
  ${rescaled ? "if (column == p.w - 1u) { next_top[row] = top; }" : ""}`;
