import type { Mechanism } from "@attnkit/core";
import { quadraticKernel, softmaxGradients, withKernels } from "@attnkit/wgsl";
import { softmax as portable, type SoftmaxOptions } from "./index.ts";
import { limitOf } from "./limits.ts";
import { windowOf } from "./options.ts";

export type { SoftmaxOptions } from "./index.ts";

/**
 * `softmax` with its WebGPU kernel: tiles with online rescaling (Dao 2023, arXiv 2307.08691), O(L)
 * memory; for a few queries over many keys, the keys cut into parts that are combined. Throws `ATTN_OPTION`.
 */
export function softmax(options: SoftmaxOptions = {}): Mechanism<"softmax"> {
  const mechanism = portable(options);
  const { scale, softcap } = options;
  const scaleOf = (d: number) => scale ?? 1 / Math.sqrt(d);
  const kernel = quadraticKernel(mechanism, {
    name: "softmax tiles",
    weights: {
      ...{ name: "softmax", kind: "softmax" },
      wgsl: softcap === undefined ? PLAIN : CAPPED,
      ...(softcap !== undefined && { floats: { softcap } }),
    },
    limit: (d) => limitOf("float32", d, scaleOf(d)),
    scale: scaleOf,
    window: windowOf(options),
    gradients: softmaxGradients,
  });
  return withKernels(mechanism, kernel);
}

const PLAIN = `
  fn score(s: vec4f) -> vec4f { return s; }
  fn slope(s: vec4f) -> vec4f { return vec4f(1.0); }`;

/** Implementations of tanh may overflow; from 20 on it is 1 in float32. */
const CAPPED = `
  fn slant(s: vec4f) -> vec4f { return tanh(limited4(s / p.softcap, 20.0)); }
  fn score(s: vec4f) -> vec4f { return p.softcap * slant(s); }
  fn slope(s: vec4f) -> vec4f { return 1.0 - slant(s) * slant(s); }`;
