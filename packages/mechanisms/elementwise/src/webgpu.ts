import type { Mechanism } from "@attnkit/core";
import { type ChannelScan, channelScan, webgpuKernel, withKernels } from "@attnkit/wgsl";
import { type ElementwiseOptions, elementwiseOptions, elementwise as portable } from "./index.ts";
import { seriesLimit } from "./terms.ts";

export type { ElementwiseOptions } from "./index.ts";

/** `elementwise` with its WebGPU kernel: the series as a scan per channel. Throws `ATTN_OPTION`. */
export function elementwise(options: ElementwiseOptions = {}): Mechanism<"elementwise"> {
  const mechanism = portable(options);
  const { order } = elementwiseOptions.resolve(options);
  const scan = order === "exact" ? undefined : seriesScan(order);
  const kernel = webgpuKernel(mechanism, {
    name: "elementwise series",
    accepts: () =>
      scan !== undefined || 'order "exact" compares every query with every key; only the series has a kernel',
    forward: (gpu, x, call) => channelScan(gpu, scan!, x, call),
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
