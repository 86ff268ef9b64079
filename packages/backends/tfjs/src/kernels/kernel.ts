import type { Block, Mechanism, Result } from "@attnkit/core";
import { type Kernel, mechanismProgram, namesOfBlock, namesOfResult, resultOfNames, vjp } from "@attnkit/core/backend";
import type { Call } from "@attnkit/core/program";
import type { TfjsBackend } from "../index.ts";
import type { Tensor } from "../tf.ts";
import { type Gpu, gpuOf } from "./gpu.ts";
import { onTape, type TapeOperation } from "./tape-operation.ts";

/** A kernel of a mechanism. */
export interface KernelSpec {
  readonly name: string;
  /** True, or why not. Calls with an axis of size 0 never come here. */
  accepts(call: Call, gpu: Gpu): true | string;
  /**
   * Encodes the dispatches of a call, and nothing that needs a gradient of its own. The block is as the caller gave it, and
   * the result has its ranks. Scratch tensors are freed by the caller of this function. If `call.state` is false, the
   * result needs no state: one that it has is dropped.
   */
  forward(gpu: Gpu, block: Block<Tensor>, call: Call): Result<Tensor>;
  /** Default: the portable program's gradient. */
  backward?: TapeOperation["backward"];
}

/** A kernel for tfjs on WebGPU, differentiable on tfjs's tape; `mechanism` is the portable one, whose gradient it has. */
export function webgpuKernel(mechanism: Mechanism, spec: KernelSpec): Kernel<Tensor> {
  return {
    name: spec.name,
    kind: "tfjs",
    accepts: (call, backend) => acceptable(call, gpuOf(backend), spec.accepts),
    run(block, call, backend) {
      const gpu = gpuOf(backend) as Gpu;
      const { ops } = backend as TfjsBackend;
      // tfjs's tape knows named tensors.
      const results = onTape(gpu, {
        inputs: namesOfBlock(block),
        forward: () => {
          const made = spec.forward(gpu, block, call);
          return namesOfResult(call.state === false ? { ...made, state: {} } : made);
        },
        backward:
          spec.backward ?? ((given, seeds, wrt) => vjp(ops, mechanismProgram(mechanism, call), given, seeds, wrt)),
      });
      return resultOfNames(results);
    },
  };
}

/** `accepts` of a kernel: what no kernel takes, then what this one says. */
export function acceptable(call: Call, gpu: Gpu | string, accepts: KernelSpec["accepts"]): true | string {
  if (typeof gpu === "string") return gpu;
  const empty = Object.entries(namesOfBlock(call.shapes)).find(([, shape]) => shape.includes(0));
  return empty ? `${empty[0]} [${empty[1].join(", ")}] has no elements` : accepts(call, gpu);
}

/** The mechanism with kernels beside it: how `@attnkit/<name>/tfjs` makes it. */
export const withKernels = <M extends string>(
  mechanism: Mechanism<M>,
  ...kernels: readonly Kernel<Tensor>[]
): Mechanism<M> => ({
  ...mechanism,
  kernels: [...(mechanism.kernels ?? []), ...(kernels as readonly Kernel<unknown>[])],
});
