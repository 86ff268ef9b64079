import type { AboutMechanism } from "@attnkit/core/program";
import { elementwise, elementwiseOptions } from "./index.ts";
import { elementwiseReference } from "./reference.ts";

export const about: AboutMechanism = {
  name: "elementwise",
  paper: { cite: "Feng 2025", url: "https://arxiv.org/abs/2501.05730", published: "2025-01" },
  summary: {
    what: "element-wise attention, constant cost per token",
    weight: "Taylor series of `exp(-(q_c - k_c)^2)` per channel",
    state: "`2 d (order + 1) + d` numbers",
  },
  create: elementwise,
  reference: elementwiseReference,
  options: elementwiseOptions.table,
  variants: [{}, { order: 2 }, { order: "exact" }],
  kernels: {
    onnx: async () => (await import("./onnx.ts")).elementwise,
    webgpu: async () => (await import("./webgpu.ts")).elementwise,
  },
  picture: {
    formula: ({ order }) =>
      order === "exact"
        ? "exp(−(q_c − k_c)²) per channel, rows add up to 1"
        : `exp(−k_c²) · Σ_m (2 q_c k_c)^m / m! for m = 0 to ${order}, per channel, rows add up to 1`,
    note: ({ order }) =>
      order === "exact"
        ? "Within a row, a function of the distance alone."
        : `The series ends at (2 q_c k_c)^${order}: far from 0 the weight is not a function of the distance.`,
    perChannel: true,
    controls: { order: { label: "Order", to: 10 } },
  },
};
