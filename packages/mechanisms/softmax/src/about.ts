import type { AboutMechanism } from "@attnkit/core/program";
import { softmax, softmaxOptions } from "./index.ts";
import { softmaxReference } from "./reference.ts";

export const about: AboutMechanism = {
  name: "softmax",
  paper: { cite: "Vaswani et al. 2017", url: "https://arxiv.org/abs/1706.03762", published: "2017-06" },
  summary: {
    what: "scaled dot-product attention",
    weight: "`exp(q.k / sqrt d)`, normalised",
    state: "every key and value",
  },
  create: softmax,
  reference: softmaxReference,
  options: softmaxOptions.table,
  variants: [{}, { scale: 0.3, softcap: 2 }, { window: [3, 1] }],
  kernels: {
    webgpu: async () => (await import("./webgpu.ts")).softmax,
    onnx: async () => (await import("./onnx.ts")).softmax,
  },
  picture: {
    formula: () => "exp(q·k · s / √d), rows add up to 1",
    note: () => "A function of q·k alone.",
    controls: { scale: { label: "Scale s", from: 0, to: 3, step: 0.05, timesDefault: (d) => 1 / Math.sqrt(d) } },
  },
};
