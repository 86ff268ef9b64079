import type { AboutMechanism } from "@attnkit/core/program";
import { myMechanism, myMechanismOptions } from "./index.ts";
import { myMechanismReference } from "./reference.ts";

/** All that the tools of attnkit know of this mechanism. */
export const about: AboutMechanism = {
  name: "my-mechanism",
  paper: { cite: "Ramapuram et al. 2024", url: "https://arxiv.org/abs/2409.04431", published: "2024-09" },
  summary: { what: "sigmoid attention", weight: "`sigmoid(q.k / sqrt d)`", state: "every key and value" },
  create: myMechanism,
  reference: myMechanismReference,
  options: myMechanismOptions.table,
  variants: [{}, { offset: -2 }],
  picture: {
    formula: () => "1 / (1 + exp(-q·k / √d - b)), not normalised",
    note: () => "A function of q·k alone.",
    controls: { offset: { label: "Offset b", from: -4, to: 4, step: 0.5 } },
  },
};
