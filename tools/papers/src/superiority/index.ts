import type { Experiment } from "../experiment.ts";
import { crossAttention, selfAttention } from "./attention-claim.ts";
import { degree } from "./degree.ts";
import { transition } from "./transition.ts";

export const superiority: Experiment = {
  name: "superiority",
  summary:
    "Does softmax attention separate what linear attention cannot, in constructed data and in associative recall?",
  claims: [selfAttention(), crossAttention(), transition(), degree()],
};
