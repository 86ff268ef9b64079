import type { Tensors } from "@attnkit/core";
import type { EagerOps } from "@attnkit/core/program";
import type { Tape } from "@attnkit/wgsl";
import type { Tensor, Tf } from "./tf.ts";

/** The engine's own entry for operations with a gradient: unlike `tf.customGrad` it admits several outputs. */
interface Engine {
  runKernelFunc(op: {
    inputs: Record<string, Tensor>;
    forwardFunc(backend: unknown, save: (kept: Tensor[]) => void): Tensor[];
    backwardsFunc(seeds: Tensor | Tensor[], kept: Tensor[]): Record<string, () => Tensor>;
  }): Tensor[];
}

/** Returns tfjs's tape, on which a kernel with several outputs is one operation. Outputs are the caller's. */
export function tapeOf(tf: Tf, ops: EagerOps<Tensor>): Tape<Tensor> {
  const engine = tf.engine();
  return {
    ops,
    get recording() {
      return engine.state.gradientDepth > 0;
    },
    record({ inputs, forward, backward }) {
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
          const found = tf.tidy(() => backward(ops, before, seeds, wrt, after));
          return Object.fromEntries(wrt.map((n) => [n, () => found[n]!]));
        },
      });
      return named(made, results);
    },
  };
}

const named = (names: readonly string[], tensors: readonly Tensor[]): Tensors<Tensor> =>
  Object.fromEntries(names.map((n, i) => [n, tensors[i]!]));
