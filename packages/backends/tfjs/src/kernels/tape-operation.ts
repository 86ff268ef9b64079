import type { Tensors } from "@attnkit/core";
import type { Tensor } from "../tf.ts";
import type { Gpu } from "./gpu.ts";

/** Several tensors from several, as one operation of tfjs's tape. */
export interface TapeOperation {
  readonly inputs: Tensors<Tensor>;
  forward(): Tensors<Tensor>;
  /** Gradients of the inputs `wrt` from those of all outputs, `seeds`. */
  backward(
    inputs: Tensors<Tensor>,
    seeds: Tensors<Tensor>,
    wrt: readonly string[],
    outputs: Tensors<Tensor>,
  ): Tensors<Tensor>;
}

/** The engine's own entry for operations with a gradient: unlike `tf.customGrad` it admits several outputs. */
interface Engine {
  runKernelFunc(op: {
    inputs: Record<string, Tensor>;
    forwardFunc(backend: unknown, save: (kept: Tensor[]) => void): Tensor[];
    backwardsFunc(seeds: Tensor | Tensor[], kept: Tensor[]): Record<string, () => Tensor>;
  }): Tensor[];
}

/** Runs `forward`; under a tape, records it with its gradient. Scratch tensors are freed, outputs are the caller's. */
export function onTape({ tf }: Gpu, { inputs, forward, backward }: TapeOperation): Tensors<Tensor> {
  const engine = tf.engine();
  if (engine.state.gradientDepth === 0) return tf.tidy(forward);
  const names = Object.keys(inputs);
  const wrt = names.filter((n) => inputs[n]!.dtype === "float32");
  let made: string[] = [];
  const results = (engine as unknown as Engine).runKernelFunc({
    inputs: { ...inputs },
    forwardFunc(_, save) {
      const out = forward();
      made = Object.keys(out);
      save([...Object.values(inputs), ...Object.values(out)]);
      return Object.values(out);
    },
    backwardsFunc(given, kept) {
      const seeds = named(made, Array.isArray(given) ? given : [given]);
      const before = named(names, kept);
      const after = named(made, kept.slice(names.length));
      const found = tf.tidy(() => backward(before, seeds, wrt, after));
      return Object.fromEntries(wrt.map((n) => [n, () => found[n]!]));
    },
  });
  return named(made, results);
}

const named = (names: readonly string[], tensors: readonly Tensor[]): Tensors<Tensor> =>
  Object.fromEntries(names.map((n, i) => [n, tensors[i]!]));
