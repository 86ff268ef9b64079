import type { Mechanism } from "@attnkit/core";
import { matrixStateKernel, webgpuKernel, withKernels } from "@attnkit/tfjs/kernels";
import { type PolynomialOptions, polynomial as portable } from "./index.ts";
import { resolve } from "./options.ts";
import { linearForm } from "./tfjs/linear-form.ts";

export type { PolynomialOptions } from "./index.ts";

/** `polynomial` with its WebGPU kernel for `@attnkit/tfjs`: the linear form by chunks. Throws `ATTN_OPTION`. */
export function polynomial(options: PolynomialOptions = {}): Mechanism {
  const mechanism = portable(options);
  const form = linearForm(resolve(options));
  return withKernels(mechanism, webgpuKernel(mechanism, matrixStateKernel(form)));
}
