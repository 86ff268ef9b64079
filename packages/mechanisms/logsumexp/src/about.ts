import type { AboutMechanism } from "@attnkit/core/program";
import { logsumexp, logsumexpOptions } from "./index.ts";
import { logsumexpReference } from "./reference.ts";

export const about: AboutMechanism = {
  name: "logsumexp",
  paper: { cite: "Heinsen 2024", url: "https://arxiv.org/abs/2404.05843", published: "2024-04" },
  summary: {
    what: "log-sum-exp attention, constant cost per token",
    weight: "`sum_c exp(q_c + k_c)`, normalised",
    state: "`d (dv + 2)` numbers",
  },
  create: logsumexp,
  reference: logsumexpReference,
  options: logsumexpOptions.table,
  variants: [{}, { logValues: true }],
  kernels: { webgpu: async () => (await import("./webgpu.ts")).logsumexp },
  picture: {
    formula: () => "Σ_c exp(q_c + k_c), rows add up to 1",
    note: () => "Depends on more than q·k: drawn for a query and keys with all channels alike.",
    controls: {},
  },
};
