import type { Tensors } from "@attnkit/core";
import { cpu, type NdArray } from "@attnkit/cpu";
import type { BrokenBackend } from "./transfer.ts";

/** Mistakes in how `vjp` treats its arguments. */
export const brokenGradients: readonly BrokenBackend[] = [
  {
    name: "gradients follow the order of the inputs, not of wrt",
    law: "vjp",
    backend: () => {
      const right = cpu();
      return {
        ...right,
        async vjp(program, x, seeds, wrt) {
          const got = await right.vjp(program, x, seeds, wrt);
          const names = Object.keys(x).filter((name) => wrt.includes(name));
          return Object.fromEntries(names.map((name, i) => [wrt[i]!, got[name]!]));
        },
      };
    },
  },
  {
    name: "a program keeps the seeds of its first gradient",
    law: "vjp",
    backend: () => {
      const right = cpu();
      const first = new Map<unknown, Tensors<NdArray>>();
      return {
        ...right,
        vjp(program, x, seeds, wrt) {
          const kept = first.get(program) ?? seeds;
          first.set(program, kept);
          return right.vjp(program, x, kept, wrt);
        },
      };
    },
  },
];
