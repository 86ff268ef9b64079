import type { Mechanism } from "@attnkit/core";
import { type ChannelForm, matrixStateGradients, matrixStateKernel, webgpuKernel, withKernels } from "@attnkit/wgsl";
import { type LogsumexpOptions, logsumexp as portable } from "./index.ts";

export type { LogsumexpOptions } from "./index.ts";

/** The mechanism of `@attnkit/logsumexp` with its WebGPU kernels. */
export function logsumexp(options: LogsumexpOptions = {}): Mechanism<"logsumexp"> {
  const mechanism = portable(options);
  const form: ChannelForm = {
    name: "logsumexp",
    q: "limited(x, -1e8, 1e8)",
    k: "limited(x, -1e8, 1e8)",
    rescaled: true,
    divisor: "weights",
    ...(options.logValues && { value: "exp(limited(x, -1e30, 80.0))", y: "log_or_empty(x)" }),
    state: { top: "m", divisor: "z", sums: "s" },
  };
  const inside = "select(1.0, 0.0, abs(x) > 1e8)";
  // With logValues the gradients of exp and log are missing.
  const gradients = options.logValues ? undefined : matrixStateGradients(form, { q: inside, k: inside });
  return withKernels(mechanism, webgpuKernel(mechanism, { ...matrixStateKernel(form), gradients }));
}
