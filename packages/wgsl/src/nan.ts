/**
 * WGSL functions that every kernel can call.
 * `clamp`, `min` and `max` replace NaN by their other argument, and `log(NaN)` may be a number. That would hide that a
 * model has diverged. NaN is detected by its bits, because WGSL may assume that there is none.
 *
 * - `limited(x, low, high)` clamps x to `low..high`.
 * - `limited4(x, size)` clamps four numbers to `-size..size`.
 * - `negative4(x)` is `min(x, 0)`.
 * - `logarithm(x)` is `log(x)`.
 *
 * In all of them NaN stays NaN.
 */
export const keepsNaN = `
fn limited(x: f32, low: f32, high: f32) -> f32 {
  return select(clamp(x, low, high), x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
}
fn logarithm(x: f32) -> f32 { return select(log(x), x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn limited4(x: vec4f, size: f32) -> vec4f {
  let nan = (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
  return select(clamp(x, vec4f(-size), vec4f(size)), x, nan);
}
fn negative4(x: vec4f) -> vec4f {
  return select(min(x, vec4f()), x, (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
`;
