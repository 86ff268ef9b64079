/**
 * `pair_of(n)`: the n-th of all `i <= j < d` in lexicographic order. Row i starts at `i (2 d + 1 - i) / 2`; its root in
 * float32 is off by one at most, and put right in integers.
 */
export const pairs = `
fn row_start(i: u32) -> u32 { return i * (2u * p.d + 1u - i) / 2u; }
fn pair_of(n: u32) -> vec2u {
  let b = f32(2u * p.d + 1u);
  var i = u32(max(0.0, 0.5 * (b - sqrt(max(0.0, b * b - 8.0 * f32(n))))));
  i = min(i, p.d - 1u);
  if (row_start(i) > n) { i -= 1u; }
  if (i + 1u < p.d && row_start(i + 1u) <= n) { i += 1u; }
  return vec2u(i, i + n - row_start(i));
}`;
