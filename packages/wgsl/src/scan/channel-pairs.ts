/**
 * WGSL `pair_of(n, d)` returns the n-th pair `i <= j < d` in lexicographic order. Row i starts at
 * `i (2 d + 1 - i) / 2`. Its root in float32 is off by at most one, and is corrected in integers.
 */
export const pairs = `
fn row_start(i: u32, d: u32) -> u32 { return i * (2u * d + 1u - i) / 2u; }
fn pair_of(n: u32, d: u32) -> vec2u {
  let b = f32(2u * d + 1u);
  var i = min(u32(max(0.0, 0.5 * (b - sqrt(max(0.0, b * b - 8.0 * f32(n)))))), d - 1u);
  if (row_start(i, d) > n) { i -= 1u; }
  if (i + 1u < d && row_start(i + 1u, d) <= n) { i += 1u; }
  return vec2u(i, i + n - row_start(i, d));
}`;

/**
 * WGSL `triple_of(n, d)` returns the n-th triple `i <= j <= l < d` in lexicographic order: first i, then a pair of the channels
 * from i on. Triples with first channel i start at `triple_start(i, d)`. Needs `pairs`.
 */
export const triples = `
fn triple_start(i: u32, d: u32) -> u32 {
  let rest = d - i;
  return (d * (d + 1u) * (d + 2u) - rest * (rest + 1u) * (rest + 2u)) / 6u;
}
fn triple_of(n: u32, d: u32) -> vec3u {
  var i = 0u;
  for (; i + 1u < d && triple_start(i + 1u, d) <= n; i++) {}
  return vec3u(i, pair_of(n - triple_start(i, d), d - i) + i);
}`;
