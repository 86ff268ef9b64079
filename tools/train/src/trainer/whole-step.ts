import type { Backend, Tensors } from "@attnkit/core";
import { outputsAndVjp, type Program } from "@attnkit/core/backend";
import { adamw, type Optimiser } from "../adamw.ts";
import { decayMask, joined, split, under } from "../parameters.ts";
import { lossOutputs, type Trained } from "./model.ts";
import type { Stepper } from "./stepper.ts";

/**
 * A training step as one program: forward, core's gradient, clipping and AdamW. A recording backend runs it as one graph,
 * recorded once for each shape of a batch.
 */
export function wholeStep(backend: Backend<unknown>, trained: Trained, optimiser: Optimiser): Stepper {
  const { parameters } = trained;
  const names = parameters.map(({ name }) => name);
  const mask = optimiser.decay ? decayMask(parameters) : undefined;
  const program: Program = (o, all) => {
    const w = split(o, parameters, all.w!);
    const batch = under("batch.", all);
    const loss: Program = (ops, x) => {
      const constants = Object.fromEntries(Object.entries(x).filter(([name]) => name.startsWith("batch.")));
      return lossOutputs(ops, trained, x, under("batch.", constants));
    };
    const given = { ...w, ...Object.fromEntries(Object.entries(batch).map(([n, x]) => [`batch.${n}`, x])) };
    const { outputs, gradients } = outputsAndVjp(o, loss, given, { loss: o.constant([1], [1]) }, names);
    const moved = adamw(
      o,
      {
        ...{ w: all.w!, m: all.m!, v: all.v!, gradient: joined(o, parameters, gradients) },
        decayed: mask && o.constant(mask, [mask.length]),
      },
      { factor: all.factor!, shrink: all.shrink! },
      optimiser,
    );
    const told = Object.fromEntries(Object.entries(outputs).map(([name, x]) => [`told.${name}`, x]));
    return { w: moved.w, m: moved.m, v: moved.v, square: moved.square, ...told };
  };
  const run = backend.compile(program);
  return {
    async step(vectors, batch, { factor, shrink }) {
      const named: Tensors<unknown> = Object.fromEntries(Object.entries(batch).map(([n, x]) => [`batch.${n}`, x]));
      const { w, m, v, square, ...told } = await run({ ...vectors, ...named, factor, ...(mask && { shrink }) });
      return { vectors: { w, m, v }, told: { ...under("told.", told), square } };
    },
    dispose() {},
  };
}
