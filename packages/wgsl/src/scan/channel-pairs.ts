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
