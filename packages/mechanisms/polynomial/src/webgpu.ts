import type { Mechanism } from "@attnkit/core";
import { matrixStateKernel, quadraticKernel, webgpuKernel, withKernels } from "@attnkit/wgsl";
import { type PolynomialOptions, polynomial as portable } from "./index.ts";
import { resolve } from "./options.ts";
import { linearForm, linearGradients } from "./webgpu/linear-form.ts";
import { quadraticForm } from "./webgpu/quadratic-form.ts";

export type { PolynomialOptions } from "./index.ts";

/**
 * `polynomial` with its WebGPU kernels: the quadratic form in tiles, the linear one by chunks. The
 * quadratic kernel also takes short blocks of the linear form if no state is wanted.
 * Throws `ATTN_OPTION`.
 */
export function polynomial(options: PolynomialOptions = {}): Mechanism<"polynomial"> {
  const mechanism = portable(options);
  const p = resolve(options);
  const linear = webgpuKernel(mechanism, { ...matrixStateKernel(linearForm(p)), gradients: linearGradients(p) });
  return withKernels(mechanism, quadraticKernel(mechanism, quadraticForm(p)), linear);
}
