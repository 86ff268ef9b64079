import type { Mechanism, Tensors } from "@attnkit/core";
import { type Kernel, mechanismProgram, vjp } from "@attnkit/core/backend";
import type { Call } from "@attnkit/core/program";
import type { TfjsBackend } from "../index.ts";
import type { Tensor } from "../tf.ts";
import { type Fused, fused } from "./fused.ts";
import { type Gpu, gpuOf } from "./gpu.ts";

/** A kernel of a mechanism. */
export interface KernelSpec {
  readonly name: string;
  /** True, or why not. Calls with an axis of size 0 never come here. */
  accepts(call: Call, gpu: Gpu): true | string;
  /** Dispatches, and nothing that needs a gradient of its own. Names as in `Program`; scratch tensors are freed here. */
  forward(gpu: Gpu, x: Tensors<Tensor>, call: Call): Tensors<Tensor>;
  /** Default: the portable program's gradient. */
  backward?: Fused["backward"];
}

/** A kernel for tfjs on WebGPU, differentiable on tfjs's tape; `mechanism` is the portable one, whose gradient it has. */
export function webgpuKernel(mechanism: Mechanism, spec: KernelSpec): Kernel<Tensor> {
  return {
    name: spec.name,
    backend: "tfjs",
    accepts: (call, backend) => acceptable(call, gpuOf(backend), spec.accepts),
    run(x, call, backend) {
      const gpu = gpuOf(backend) as Gpu;
      const { ops } = backend as TfjsBackend;
      return fused(gpu, {
        inputs: x,
        forward: () => spec.forward(gpu, x, call),
        backward:
          spec.backward ?? ((given, seeds, wrt) => vjp(ops, mechanismProgram(mechanism, call), given, seeds, wrt)),
      });
    },
  };
}

/** `accepts` of a kernel: what no kernel takes, then what this one says. */
export function acceptable(call: Call, gpu: Gpu | string, accepts: KernelSpec["accepts"]): true | string {
  if (typeof gpu === "string") return gpu;
  const empty = Object.entries(call.shapes).find(([, shape]) => shape.includes(0));
  return empty ? `${empty[0]} [${empty[1].join(", ")}] has no elements` : accepts(call, gpu);
}

/** The mechanism with kernels beside it: how `@attnkit/<name>/tfjs` makes it. */
export const withKernels = (mechanism: Mechanism, ...kernels: readonly Kernel<Tensor>[]): Mechanism => ({
  ...mechanism,
  kernels: [...(mechanism.kernels ?? []), ...(kernels as readonly Kernel<unknown>[])],
});
