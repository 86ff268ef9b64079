import type { AboutMechanism } from "@attnkit/core/program";
import { linear, linearOptions } from "./index.ts";
import { linearReference } from "./reference.ts";

const signed = "identity";

export const about: AboutMechanism = {
  name: "linear",
  paper: { cite: "Katharopoulos et al. 2020", url: "https://arxiv.org/abs/2006.16236", published: "2020-06" },
  summary: {
    what: "linear attention, five feature maps or your own",
    weight: "`phi(q).phi(k)`",
    state: "`r (dv + 1)` numbers",
  },
  create: linear,
  reference: linearReference,
  options: linearOptions.table,
  variants: [
    {},
    { featureMap: "relu" },
    { featureMap: "identity", normalize: false, scale: 0.25 },
    { featureMap: "exp" },
    { featureMap: "taylor2" },
  ],
  kernels: {
    onnx: async () => (await import("./onnx.ts")).linear,
    webgpu: async () => (await import("./webgpu.ts")).linear,
  },
  picture: {
    formula: ({ featureMap }) => (featureMap === signed ? "q·k, not normalised" : "φ(q)·φ(k), rows add up to 1"),
    note: ({ featureMap }) =>
      featureMap === "taylor2" || featureMap === signed
        ? "A function of q·k alone."
        : "Depends on more than q·k: drawn for a query and keys with all channels alike.",
    controls: { featureMap: { label: "Feature map φ" } },
    // A row of signed weights may have the sum 0.
    adjust: (options) => (options.featureMap === signed ? { ...options, normalize: false } : options),
  },
};
