import { EMPTY, type Facts } from "./form.ts";

/**
 * Computes `tops[row] = max over c and visible keys of q_c + k_c` for the 64 rows from `start`, as in the portable
 * program. A row is never compared with a key that it does not see.
 * The largest visible key of a channel is a running maximum over the rows: the cost is `64 d` instead of `64^2 d`.
 * Sixteen segments of four rows run in parallel.
 */
export const largestExponents = ({ causal, before }: Pick<Facts, "causal" | "before">): string => `
var<workgroup> tops: array<f32, 64>;
${causal ? exponentOf : ""}
fn largest_exponents(head: u32, rows: u32, state: u32, start: u32, id: u32) {
  let segment = id / 16u;
  let lane = id % 16u;
  let first = start + 4u * segment;
  var best = vec4f(${EMPTY});
  for (var c0 = 0u; c0 < p.d; c0 += 16u) {
    let c = min(c0 + lane, p.d - 1u); // reading a channel twice does not change a maximum
    var seen = vec4f(${before ? "before_at((state + c) * p.w + p.w - 1u)" : EMPTY});
    ${causal ? ownKeys : ""}
    ${[0, 1, 2, 3].map((i) => `best[${i}] = max(best[${i}], q_channel((rows + query_of(first + ${i}u)) * p.d, c) + seen[${i}]);`).join("\n    ")}
  }
  workgroupBarrier();
  left[segment * 17u + lane] = best;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < 16u; i++) { best = max(best, left[segment * 17u + i]); }
    for (var i = 0u; i < 4u; i++) { tops[4u * segment + i] = best[i]; }
  }
  workgroupBarrier();
}`;

const exponentOf = `
fn exponent_of(head: u32, position: u32, c: u32) -> f32 {
  return select(${EMPTY}, k_channel((head * p.S + key_of(position)) * p.d, c), is_key(head, position));
}`;

/**
 * Computes running maxima over the chunk's keys: those before this tile, which every row sees, those of earlier
 * segments, and those of the own segment.
 */
const ownKeys = `
    var earlier = ${EMPTY};
    for (var at = start / p.chunk * p.chunk + segment; at < start; at += 16u) { earlier = max(earlier, exponent_of(head, at, c)); }
    var own = vec4f(exponent_of(head, first, c), exponent_of(head, first + 1u, c), exponent_of(head, first + 2u, c), exponent_of(head, first + 3u, c));
    own = max(own, vec4f(${EMPTY}, own.xyz));
    own = max(own, vec4f(${EMPTY}, ${EMPTY}, own.xy));
    workgroupBarrier();
    left[segment * 17u + lane] = vec4f(earlier, own.w, 0.0, 0.0);
    workgroupBarrier();
    for (var i = 0u; i < 16u; i++) {
      let other = left[i * 17u + lane];
      seen = max(seen, vec4f(select(other.x, max(other.x, other.y), i < segment)));
    }
    seen = max(seen, own);`;
