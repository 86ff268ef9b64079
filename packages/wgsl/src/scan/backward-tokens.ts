import type { Tensors } from "@attnkit/core";
import { dispatch, grid } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { EMPTY, type MatrixState } from "./form.ts";

interface Sizes extends Readonly<Record<string, number>> {
  readonly heads: number;
  readonly G: number;
  readonly L: number;
  readonly S: number;
  readonly d: number;
  readonly w: number;
}

const begin = `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.x + group.y * groups.x) * 64u + lane;
  if (id >= p.n) { return; }
  let token = id / (p.d + p.w);
  let c = id % (p.d + p.w);`;

/**
 * Returns for each query the features `x [.., d]`, divided as the row is, or exponents `q - lse`; and `y [.., w]`: the gradient
 * g of y, then `h - g y` if the divisor is the sum of weights, where h is the gradient of lse. If weights are a polynomial of
 * channels, x are these, and y is divided instead. `inputs` are `q dy y [norm] [dlse]`; without a norm, a count is that of a call without a key mask.
 */
export function queryTokens<T>(
  host: Host<T>,
  form: MatrixState,
  sizes: Sizes,
  floats: Readonly<Record<string, number>>,
  inputs: Tensors<T>,
): { readonly x: T; readonly y: T } {
  const { heads, G, L, d, w } = sizes;
  const count = heads * G * L;
  const divided = {
    none: "share_of(x)",
    count: "share_of(x) / sqrt(max(count_of(token), 1.0))",
    weights: "select(x / norm_at(token), 0.0, norm_at(token) == 0.0)",
  }[form.divisor];
  const seen = "clamp(i32(p.qAt + token % p.L) + 1 - i32(p.kAt), 0, i32(p.S))";
  const counted = inputs.norm === undefined ? `f32(select(${seen}, i32(p.S), p.whole == 1u))` : "norm_at(token)";
  // An lse of -Infinity, where a row saw nothing, is detected by its bits.
  const exponent = `select(feature - norm[token], ${EMPTY}, bitcast<u32>(norm[token]) == 0xff800000u)`;
  const feature = form.rescaled ? exponent : form.features ? "feature" : "divided(feature, token)";
  const gradient = (x: string) => (form.features ? `divided(${x}, token)` : x);
  const mean = `${inputs.dlse === undefined ? "0.0" : "dlse_at(token)"} - mean_of(token)`;
  const code = `
fn share_of(x: f32) -> f32 { return ${form.y ?? "x"}; }
${form.divisor === "count" ? `fn count_of(token: u32) -> f32 { return ${counted}; }` : ""}
${form.rescaled ? "" : `fn divided(x: f32, token: u32) -> f32 { return ${divided}; }`}
${
  form.divisor === "weights"
    ? `fn mean_of(token: u32) -> f32 {
  var sum = 0.0;
  for (var e = 0u; e < p.dv; e++) { sum += dy_at(token * p.dv + e) * y_at(token * p.dv + e); }
  return sum;
}`
    : ""
}
${begin}
  if (c < p.d) {
    let x = q_at(token * p.d + c);
    let feature = ${form.q};
    outX[token * p.d + c] = ${feature};
  } else if (c - p.d < p.dv) {
    outY[token * p.w + c - p.d] = ${gradient("dy_at(token * p.dv + c - p.d)")};
  }
  ${form.divisor === "weights" ? `else { outY[token * p.w + p.dv] = ${gradient(mean)}; }` : ""}
}`;
  const { y, ...rest } = inputs;
  return tokens(host, `${form.name} gradient queries`, code, count, { d, w }, sizes, floats, {
    ...rest,
    ...(form.divisor === "weights" && { y: y! }),
  });
}

/**
 * Returns for each key the features or exponents `x [.., d]` and `y [.., w]`: its value, then 1 if the divisor is the sum of
 * weights. An absent key adds nothing.
 */
export function keyTokens<T>(
  host: Host<T>,
  form: MatrixState,
  sizes: Sizes,
  floats: Readonly<Record<string, number>>,
  inputs: Tensors<T>,
): { readonly x: T; readonly y: T } {
  const { heads, S, d, w } = sizes;
  const here = inputs.keyMask === undefined ? "true" : "keyMask_true(token / p.S / p.Hkv * p.S + token % p.S)";
  const code = `
${begin}
  let here = ${here};
  if (c < p.d) {
    let x = k_at(token * p.d + c);
    outX[token * p.d + c] = select(${form.rescaled ? EMPTY : "0.0"}, ${form.k}, here);
  } else if (c - p.d < p.dv) {
    outY[token * p.w + c - p.d] = select(0.0, v_at(token * p.dv + c - p.d), here);
  }
  ${form.divisor === "weights" ? "else { outY[token * p.w + p.dv] = select(0.0, 1.0, here); }" : ""}
}`;
  return tokens(host, `${form.name} gradient keys`, code, heads * S, { d, w }, sizes, floats, inputs);
}

function tokens<T>(
  host: Host<T>,
  name: string,
  code: string,
  count: number,
  { d, w }: { readonly d: number; readonly w: number },
  sizes: Sizes,
  floats: Readonly<Record<string, number>>,
  inputs: Tensors<T>,
): { readonly x: T; readonly y: T } {
  const [outX, outY] = [host.empty([count, d]), host.empty([count, w])];
  const n = count * (d + w);
  dispatch(host, {
    ...{ name, code, inputs, outputs: { outX, outY }, sizes: { ...sizes, n }, floats },
    workgroups: grid(host, Math.ceil(n / 64)),
  });
  return { x: outX, y: outY };
}
