import type { Tensors } from "@attnkit/core";
import type { Call } from "@attnkit/core/program";
import type { GpuFacts } from "./gpu-facts.ts";
import type { Host } from "./host.ts";

/** The gradients of a kernel that are kernels themselves. */
export interface KernelGradients {
  /** Returns whether these kernels compute the gradients of a call. Otherwise the gradient is that of the portable program. */
  accepts(call: Call, gpu: GpuFacts): boolean;
  /**
   * Returns the gradients of q, k and v in their shapes.
   * @param inputs The call's inputs as `namesOfBlock` names them.
   * @param outputs `y`, and `lse` if the call has it.
   * @param seeds The gradients of the outputs.
   */
  backward<T>(host: Host<T>, call: Call, inputs: Tensors<T>, outputs: Tensors<T>, seeds: Tensors<T>): Tensors<T>;
}

/** Returns whether a call neither reads nor returns a state, as in training. */
export const hasNoState = ({ state, shapes }: Call): boolean => state === false && shapes.state === undefined;
