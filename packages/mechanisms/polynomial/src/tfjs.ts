import type { Mechanism } from "@attnkit/core";
import { matrixStateKernel, quadraticKernel, webgpuKernel, withKernels } from "@attnkit/tfjs/kernels";
import { type PolynomialOptions, polynomial as portable } from "./index.ts";
import { resolve } from "./options.ts";
import { linearForm } from "./tfjs/linear-form.ts";
import { quadraticForm } from "./tfjs/quadratic-form.ts";

export type { PolynomialOptions } from "./index.ts";

/**
 * `polynomial` with its WebGPU kernels for `@attnkit/tfjs`: the linear form by chunks, the quadratic one in tiles.
 * Throws `ATTN_OPTION`.
 */
export function polynomial(options: PolynomialOptions = {}): Mechanism<"polynomial"> {
  const mechanism = portable(options);
  const p = resolve(options);
  const linear = webgpuKernel(mechanism, matrixStateKernel(linearForm(p)));
  return withKernels(mechanism, linear, quadraticKernel(mechanism, quadraticForm(p)));
}
