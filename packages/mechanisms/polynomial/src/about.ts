import type { AboutMechanism } from "@attnkit/core/program";
import { polynomial, polynomialOptions } from "./index.ts";
import { polynomialReference } from "./reference.ts";

export const about: AboutMechanism = {
  name: "polynomial",
  paper: { cite: "Saratchandran et al. 2024", url: "https://arxiv.org/abs/2410.18613", published: "2024-10" },
  summary: {
    what: "polynomial attention, no softmax",
    weight: "`(q.k / sqrt d)^p / sqrt N`",
    state: "`r dv` numbers, or every key",
  },
  create: polynomial,
  reference: polynomialReference,
  options: polynomialOptions.table,
  variants: [
    { power: 2 },
    { power: 3, form: "quadratic" },
    { power: 3, form: "linear", normalizer: 16 },
    { power: 1 },
    { coefficients: [1, 1, 0.5] },
  ],
  kernels: { webgpu: async () => (await import("./webgpu.ts")).polynomial },
  // `{ normalizer: "fixed", n: 16 }` is now `{ normalizer: 16 }`.
  former: {
    names: ["n"],
    translate: ({ n, ...options }) =>
      options.normalizer === "fixed" && n !== undefined
        ? { ...options, normalizer: n }
        : n === undefined
          ? options
          : { ...options, n },
  },
  picture: {
    formula: () => "(q·k / √d)^p / √N, N keys seen, not normalised",
    note: () => "A function of q·k alone.",
    controls: { power: { label: "Power p", to: 6 } },
  },
};
