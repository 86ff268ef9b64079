import type { Backend, Tensors } from "@attnkit/core";
import type { Program } from "@attnkit/core/backend";
import { adamw, type Optimiser } from "../adamw.ts";
import { decayMask, joined, parameterCount, split, under } from "../parameters.ts";
import { lossOutputs, type Trained } from "./model.ts";
import type { Stepper } from "./stepper.ts";

/**
 * A training step by `Backend.vjp`, for backends whose own tape also follows kernels (tfjs), and a second program for the
 * update. The values of the loss and of the extras are the gradients of factors: `unit * loss + sum(nothing * extra)`.
 */
export function tapeStep(backend: Backend<unknown>, trained: Trained, optimiser: Optimiser): Stepper {
  const { parameters, extras = [] } = trained;
  const names = parameters.map(({ name }) => name);
  const count = parameterCount(parameters);
  const mask = optimiser.decay ? backend.upload(decayMask(parameters), [count]) : undefined;
  const unit = backend.upload(Float32Array.of(1), [1]);
  const probe = (name: string) => `probe.${name}`;
  // One tensor for each: a tape adds up the gradients of one tensor that is given under two names.
  const probes: Tensors<unknown> = Object.fromEntries([
    [probe("loss"), unit],
    ...extras.map((name) => [probe(name), backend.upload(Float32Array.of(0), [1])]),
  ]);
  const loss: Program = (o, x) => {
    const outputs = lossOutputs(o, trained, x, under("batch.", x));
    const terms = Object.entries(outputs).map(([name, y]) => o.mul(y, x[probe(name)]!));
    return { loss: terms.reduce((a, b) => o.add(a, b)) };
  };
  const cut = backend.compile(((o, x) => split(o, parameters, x.w!)) satisfies Program as Program);
  const update = backend.compile(((o, x) => {
    const gradient = joined(o, parameters, under("d.", x));
    const numbers = { factor: x.factor!, shrink: x.shrink! };
    const { w, m, v, square } = adamw(o, { w: x.w!, m: x.m!, v: x.v!, decayed: x.mask, gradient }, numbers, optimiser);
    return { w, m, v, square };
  }) satisfies Program as Program);
  const free = (x: Tensors<unknown>) => {
    for (const t of Object.values(x)) backend.free(t);
  };
  return {
    async step(vectors, batch, numbers) {
      const weights = await cut({ w: vectors.w });
      const named = Object.fromEntries(Object.entries(batch).map(([n, x]) => [`batch.${n}`, x]));
      const wrt = [...names, ...Object.keys(probes)];
      const all = await backend.vjp(loss, { ...weights, ...named, ...probes }, { loss: unit }, wrt);
      const told = under("probe.", all);
      const gradients = Object.fromEntries(names.map((name) => [name, all[name]]));
      const given = Object.fromEntries(names.map((name) => [`d.${name}`, all[name]]));
      const { square, ...next } = await update({
        ...vectors,
        ...given,
        ...numbers,
        ...(mask !== undefined && { mask }),
      });
      free(weights);
      free(gradients);
      return { vectors: { w: next.w, m: next.m, v: next.v }, told: { ...told, square } };
    },
    dispose: () => free({ ...probes, ...(mask !== undefined && { mask }) }),
  };
}
