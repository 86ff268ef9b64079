/**
 * WGSL functions of one number. WGSL may assume that NaN and infinities do not occur. They are therefore recognised by their
 * bits, and made from bits that the compiler does not know.
 *
 * - `larger` and `smaller` return NaN if an argument is NaN.
 * - `exponential(-inf) = 0`, `natural(0) = -inf`, `natural(x < 0)` is NaN.
 * - `tangent` is a polynomial (Cephes, `tanhf`) where `|x| < 0.625`, else `1 - 2 / (exp(2x) + 1)`. The built-in `tanh` may
 *   overflow.
 */
export const numbers = `
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn is_zero(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0u; }
fn larger(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, is_nan(b)), a, is_nan(a)); }
fn smaller(a: f32, b: f32) -> f32 { return select(select(min(a, b), b, is_nan(b)), a, is_nan(a)); }
fn exponential(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if (bits == 0xff800000u) { return 0.0; }
  if ((bits & 0x7fffffffu) >= 0x7f800000u) { return x; }
  return exp(x);
}
fn natural(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) == 0u) { return bitcast<f32>(bits | 0xff800000u); }
  if ((bits & 0x7fffffffu) > 0x7f800000u || bits == 0x7f800000u) { return x; }
  if (bits > 0x7fffffffu) { return bitcast<f32>(bits | 0x7fc00000u); }
  return log(x);
}
fn tangent(x: f32) -> f32 {
  let size = abs(x);
  if (is_nan(x)) { return x; }
  if (size < 0.625) {
    let z = x * x;
    let q = ((((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z - 3.33332819422e-1) * z;
    return fma(q, x, x);
  }
  return sign(x) * (1.0 - 2.0 / (exp(2.0 * min(size, 10.0)) + 1.0));
}
`;
