import type { Mechanism } from "@attnkit/core";
import {
  type ChannelGradient,
  type ChannelScan,
  channelScan,
  channelScanGradients,
  webgpuKernel,
  withKernels,
} from "@attnkit/wgsl";
import { type ElementwiseOptions, elementwiseOptions, elementwise as portable } from "./index.ts";
import { seriesLimit } from "./terms.ts";

export type { ElementwiseOptions } from "./index.ts";

/** `elementwise` with its WebGPU kernel: the series as a scan per channel. Throws `ATTN_OPTION`. */
export function elementwise(options: ElementwiseOptions = {}): Mechanism<"elementwise"> {
  const mechanism = portable(options);
  const { order } = elementwiseOptions.resolve(options);
  const scan = order === "exact" ? undefined : seriesScan(order);
  const gradients = order === "exact" ? undefined : channelScanGradients(seriesScan(order), seriesGradient(order));
  const kernel = webgpuKernel(mechanism, {
    name: "elementwise series",
    accepts: () =>
      scan !== undefined || 'order "exact" compares every query with every key; only the series has a kernel',
    forward: (gpu, x, call) => channelScan(gpu, scan!, x, call),
    gradients,
  });
  return withKernels(mechanism, kernel);
}

/** The state and the two sums of the series, unrolled over its powers; as the portable program has them. (MATH 3.4, 3.6) */
function seriesScan(order: number): ChannelScan {
  const w = order + 1;
  const powers = Array.from({ length: w }, (_, p) => p);
  const wgsl = `
    fn exponent(k: f32) -> f32 { return -k * k; }
    fn absorb(k: f32, v: f32, weight: f32) {
      var t = weight;
      ${powers.map((p) => `x[${1 + p}] += t * v; x[${1 + w + p}] += t; t *= k;`).join("\n      ")}
    }
    fn answer(q: f32) -> vec2f {
      let radius = max(abs(q), 1.0);
      let inverse = 1.0 / radius;
      var t = ${Array(order).fill("inverse").join(" * ")};
      var sums = vec2f(0.0);
      ${powers.map((p) => `sums += t * vec2f(x[${1 + p}], x[${1 + w + p}]); t *= q * ${2 / (p + 1)};`).join("\n      ")}
      if (sums.y == 0.0) { return vec2f(0.0, p.none); }
      return vec2f(sums.x / sums.y, logarithm(sums.y) + x[0] + ${order}.0 * log(radius));
    }`;
  return {
    name: "elementwise",
    entries: [
      ["mu", 1],
      ["s", w],
      ["z", w],
    ],
    wgsl,
    clip: seriesLimit(order),
  };
}

/**
 * The gradient of the series. With `t_p = (2 q)^p / p!`, `f = exp(-k^2)` and D the denominator of a row: `dv = f sum_p k^p R_p` and
 * `dk = f sum_p (p k^(p-1) - 2 k^(p+1)) (v R_p + U_p)`, where R and U are the sums of `t_p / D g` and `t_p / D (h - g y)` over the rows
 * that see the key. A row's exponent is that of `1 / D`.
 */
function seriesGradient(order: number): ChannelGradient {
  const w = order + 1;
  const powers = Array.from({ length: w }, (_, p) => p);
  const first = `let radius = max(abs(q), 1.0);
      let inverse = 1.0 / radius;
      let first = ${Array(order).fill("inverse").join(" * ")};`;
  const wgsl = `
    fn from_sums(q: f32, g: f32, h: f32) -> vec3f {
      ${first}
      var sums = vec2f();
      var slopes = vec2f();
      var before = 0.0; // d t_p / dq = 2 t_(p-1)
      var t = first;
      ${powers.map((p) => `sums += t * vec2f(x[${1 + p}], x[${1 + w + p}]); slopes += 2.0 * before * vec2f(x[${1 + p}], x[${1 + w + p}]); before = t; t *= q * ${2 / (p + 1)};`).join("\n      ")}
      if (sums.y == 0.0) { return vec3f(0.0, p_empty, 0.0); }
      let e = h - g * (sums.x / sums.y);
      return vec3f((g * slopes.x + e * slopes.y) / sums.y, -(logarithm(sums.y) + x[0]), e);
    }
    fn absorb_row(q: f32, g: f32, e: f32, weight: f32) {
      ${first}
      var t = first * weight;
      ${powers.map((p) => `x[${1 + p}] += t * g; x[${1 + w + p}] += t * e; t *= q * ${2 / (p + 1)};`).join("\n      ")}
    }
    fn from_rows(k: f32, v: f32) -> vec2f {
      let f = exp(x[0] - k * k);
      var power = 1.0;
      var before = 0.0; // p k^(p-1)
      var found = vec2f();
      ${powers.map((p) => `found += vec2f((before - 2.0 * power * k) * (v * x[${1 + p}] + x[${1 + w + p}]), power * x[${1 + p}]); before = power * ${p + 1}.0; power *= k;`).join("\n      ")}
      return f * found;
    }`;
  return { wgsl };
}
