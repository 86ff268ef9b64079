import type { Backend, Block, Mechanism, Result, Tensors } from "@attnkit/core";
import { type Kernel, mechanismProgram, namesOfBlock, namesOfResult, resultOfNames, vjp } from "@attnkit/core/backend";
import type { Call } from "@attnkit/core/program";
import { type GpuFacts, gpuFacts } from "./gpu-facts.ts";
import type { KernelGradients } from "./gradients.ts";
import { type Host, hostOf, type Operation, operation } from "./host.ts";

/** The kind of these kernels: a backend that hosts them has it in `hosts`. */
export const WEBGPU = "webgpu";

/** A kernel of a mechanism. */
export interface KernelSpec {
  readonly name: string;
  /** Returns true, or the reason for refusing as a sentence. Calls with an axis of size 0 never come here. */
  accepts(call: Call, gpu: GpuFacts): true | string;
  /**
   * Encodes the dispatches of a call, and nothing that needs a gradient of its own. The block is as the caller gave it, and
   * the result has its ranks. Scratch tensors are freed by the caller of this function. If `call.state` is false, the
   * result needs no state: one that it has is dropped.
   */
  forward<T>(host: Host<T>, block: Block<T>, call: Call): Result<T>;
  /** Default, and for calls that it does not accept: the gradient of the portable program. */
  readonly gradients?: KernelGradients | undefined;
}

/**
 * Makes a kernel for every backend that hosts WebGPU kernels. On a host with a tape it is one differentiable operation.
 * @param mechanism The portable mechanism. Its gradient is the kernel's, unless `spec` has one.
 * @example
 * ```ts
 * withKernels(mechanism, webgpuKernel(mechanism, matrixStateKernel(form)));
 * ```
 */
export function webgpuKernel(mechanism: Mechanism, spec: KernelSpec): Kernel<unknown> {
  return {
    name: spec.name,
    kind: WEBGPU,
    accepts: (call, backend) => acceptable(call, backend, spec.accepts),
    run<T>(block: Block<T>, call: Call, backend: Backend<T>) {
      const host = hostOf(backend) as Host<T>;
      const named: Operation<T> = {
        inputs: namesOfBlock(block),
        forward() {
          const made = spec.forward(host, block, call);
          return namesOfResult(call.state === false ? { ...made, state: {} } : made);
        },
        backward: (ops, given, seeds, wrt, outputs) =>
          spec.gradients?.accepts(call, gpuFacts(host.device))
            ? picked(spec.gradients.backward(host, call, given, outputs, seeds), wrt)
            : vjp(ops, mechanismProgram(mechanism, call), given, seeds, wrt),
      };
      return resultOfNames(operation(host, named));
    },
  };
}

const picked = <T>(all: Tensors<T>, names: readonly string[]): Tensors<T> =>
  Object.fromEntries(names.map((name) => [name, all[name]!]));

/** Returns the reason why no kernel takes a call on this backend, or else the answer of `accepts`. */
export function acceptable(
  call: Call,
  backend: Backend<unknown>,
  accepts: (call: Call, gpu: GpuFacts) => true | string,
): true | string {
  const host = hostOf(backend);
  if (typeof host === "string") return host;
  if (backend.dtype !== "float32") return `${backend.name} stores ${backend.dtype}; this kernel reads float32`;
  const empty = Object.entries(namesOfBlock(call.shapes)).find(([, shape]) => shape.includes(0));
  return empty ? `${empty[0]} [${empty[1].join(", ")}] has no elements` : accepts(call, gpuFacts(host.device));
}

/**
 * Returns the mechanism with kernels beside it. The first that accepts a call runs it.
 * @example
 * ```ts
 * const fast = withKernels(mechanism, quadraticKernel(mechanism, tiles));
 * ```
 */
export const withKernels = <M extends string>(
  mechanism: Mechanism<M>,
  ...kernels: readonly Kernel<unknown>[]
): Mechanism<M> => ({ ...mechanism, kernels: [...(mechanism.kernels ?? []), ...kernels] });
